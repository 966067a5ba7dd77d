/**
 * A chat whose pages begin with a snapshot: `bun examples/snapshots/chat.ts`, with a server running. The
 * chat's stream has a question and the name of an answer for each turn, the snapshot the messages until then.
 */
import process from "node:process";
import { type ChatEntry, pipeChat, type UiMessageChunk } from "durable-streams/ai";
import { Client } from "durable-streams/client";

const client = new Client(process.env["URL"] ?? "http://127.0.0.1:4437/v1/stream");
const chat = crypto.randomUUID();
const path = `chats/${chat}`;

function message(role: "user" | "assistant", text: string, id: string = crypto.randomUUID()) {
  return { id, role, parts: [{ type: "text", text }] };
}

/** In place of a model. */
async function* model(question: string): AsyncGenerator<UiMessageChunk> {
  yield { type: "text-start", id: "text" };
  yield { type: "text-delta", id: "text", delta: `${question}? ` };
  yield { type: "text-delta", id: "text", delta: "Yes!" };
  yield { type: "text-end", id: "text" };
  yield { type: "finish" };
}

/** One turn: only what is new is kept with the answer. */
async function ask(question: string) {
  const messages = [message("user", question)];
  const { done } = await pipeChat({ client, chat, messages, source: () => model(question) });
  await done;
}

/** An answer as far as it has come; the AI SDK's `readUIMessageStream` has more than its text. */
async function readAnswer(answer: string) {
  const reader = client.reader(`${path}/${answer}`, { readMode: "catch-up" });
  let text = "";
  for (const chunk of await reader.allJson<UiMessageChunk>()) {
    if (chunk.type === "text-delta") text += chunk.delta;
  }
  return message("assistant", text, answer);
}

/** What a page begins with, and the place in the chat's stream up to which that is. */
async function open() {
  const reader = client.reader(path, { from: "snapshot", readMode: "catch-up" });
  const messages = (await reader.snapshot())?.json<unknown[]>() ?? [];
  let turns = 0;
  for await (const entry of reader.json<ChatEntry>()) {
    messages.push(...entry.messages ?? [], await readAnswer(entry.answer));
    turns++;
  }
  return { messages, turns, offset: reader.offset };
}

await ask("Do streams outlive requests");
await ask("And processes");

// Once an answer has ended, its server keeps a snapshot; turns before it, and their answers, needn't be kept.
await client.configure(path, { retention: { toSnapshot: true } });
const { messages, offset } = await open();
await client.snapshot(path).putJson(messages, { offset });

await ask("And me");
const late = await open();
console.log(`${late.messages.length} messages (a snapshot, and turns since: ${late.turns})`);
console.log(JSON.stringify(late.messages.at(-1)));
