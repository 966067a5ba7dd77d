import { equal } from "node:assert/strict";
import type { StreamDurability } from "@tanstack/ai";
import type { ChatTransport, UIMessage, UIMessageChunk } from "ai";
import { Client } from "../../../src/client/client.ts";
import { chatTransport } from "../../../src/ai/chat_transport.ts";
import type { ChatSource } from "../../../src/ai/chat_source.ts";
import { tanstackDurability } from "../../../src/ai/tanstack.ts";

// Checked by the compiler against the packages' own types, as `deno test -c tests/deno.json` runs.
const client = new Client("http://streams.test/v1/stream");
const transport: ChatTransport<UIMessage> = chatTransport({ streams: client });
const durability: StreamDurability = tanstackDurability({ client, path: "run" });
const source: ChatSource = new ReadableStream<UIMessageChunk>();

Deno.test("what is exported has the SDKs' own types", () => {
  equal(transport.resumeStreamIsReplay, true);
  equal(durability.resumeFrom(), null);
  equal(source instanceof ReadableStream, true);
});
