import { deepEqual, equal } from "node:assert/strict";
import { stopChat } from "../../src/ai/stop_chat.ts";
import { FINISH, text } from "./chat_kit.ts";
import { memoryKit } from "./memory_kit.ts";

const JSON_TYPE = { contentType: "application/json" };

Deno.test("an answer that was silent ends with an error, but only where its tail still is", async () => {
  const kit = memoryKit();
  const { client } = kit;
  const path = "chats/c/a";
  const { nextOffset } = await client.create(path, JSON_TYPE);
  const { offset = "" } = await client.writer(path).sendJson(text("a"));
  const stop = (silentAt: string) => stopChat({ client, chat: "c", answer: "a", silentAt });
  equal(await stop(nextOffset), false);
  equal((await client.head(path)).closed, false);
  equal(await stop(offset), true);
  equal((await client.head(path)).closed, true);
  deepEqual((await kit.stored(path)).map(({ type }) => type), ["text-delta", "error"]);
  equal(await stop(offset), false);
});

Deno.test("what has ended, was deleted or never was isn't stopped", async () => {
  const { client } = memoryKit();
  const stop = (answer: string) => stopChat({ client, chat: "c", answer });
  equal(await stopChat({ client, chat: "c" }), false);
  const { nextOffset } = await client.create("chats/c/ended", {
    ...JSON_TYPE,
    initialData: JSON.stringify([FINISH]),
  });
  await client.close("chats/c/ended");
  equal(await stop("ended"), false);
  equal(await stopChat({ client, chat: "c", answer: "none", silentAt: nextOffset }), false);
  equal(await client.exists("chats/c/none"), false);
});
