/**
 * A chat's answer without any framework: `deno run -A examples/chat_plain.ts`, with a server running.
 * On Node and Bun the imports are the package's.
 */
import process from "node:process";
import { Client } from "durable-streams/client";
import { pipeChat, type UiMessageChunk } from "durable-streams/ai";

const url = process.env["URL"] ?? "http://127.0.0.1:4437/v1/stream";
const client = new Client(url);

/** Any iterator of text, as that of a model's own library. */
async function* model(signal: AbortSignal): AsyncGenerator<UiMessageChunk> {
  yield { type: "text-start", id: "text" };
  for (const word of ["Streams ", "outlive ", "requests."]) {
    if (signal.aborted) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
    yield { type: "text-delta", id: "text", delta: word };
  }
  yield { type: "finish" };
}

// The server: answers its request at once, and the model goes on.
const { path } = await pipeChat({ client, chat: "plain", source: ({ signal }) => model(signal) });

// The page, or any number of them: nothing but fetch and a reader, from the start, whenever it comes.
const response = await fetch(`${url}/${path}?offset=-1&live=sse`);
for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
  for (const [, delta = ""] of text.matchAll(/"delta":("(?:[^"\\]|\\.)*")/g)) {
    process.stdout.write(JSON.parse(delta));
  }
}
process.stdout.write("\n");
