import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { newestAnswer } from "../../src/ai/chat_log.ts";
import { chatTransport } from "../../src/ai/chat_transport.ts";
import { ChatError } from "../../src/ai/chat_error.ts";
import type { UiChunk } from "../../src/ai/ui_chunk.ts";
import { pipeChat } from "../../src/ai/pipe_chat.ts";
import { Client } from "../../src/client/client.ts";
import { fetchTransport } from "../../src/client/transport/transport.ts";
import { createApp } from "../../src/server/app.ts";
import { createMemoryStorage } from "../../src/storage/memory.ts";
import { until } from "../support/until.ts";
import { ChatKit, collect, FINISH, ScriptedModel, text, TEXT_END, TEXT_START } from "./chat_kit.ts";
import { memoryKit } from "./memory_kit.ts";

/** What `useChat` sends. */
function message(abortSignal?: AbortSignal) {
  return {
    chatId: "c",
    trigger: "submit-message" as const,
    messageId: undefined,
    messages: [{ id: "m", role: "user", parts: [{ type: "text", text: "hi" }] }],
    abortSignal,
  };
}

const textOf = (chunks: readonly UiChunk[]) =>
  chunks.map((chunk) => "delta" in chunk ? chunk.delta : "").join("");

async function textIn(stream: ReadableStream<UiChunk> | null): Promise<string> {
  ok(stream !== null);
  return textOf(await collect(stream));
}

Deno.test("a message is posted with the id of its answer, which comes whole", async () => {
  const { transport, model, posted } = memoryKit();
  model.say(TEXT_START, text("Hel"), text("lo"), TEXT_END, FINISH).end();
  const chunks = await collect(await transport.sendMessages(message()));
  deepEqual(chunks.map(({ type }) => type), [
    "start",
    "text-start",
    "text-delta",
    "text-delta",
    "text-end",
    "finish",
  ]);
  equal(posted[0]?.url, "/api/chat");
  const { answer, ...rest } = posted[0]?.body ?? {};
  equal(typeof answer, "string");
  deepEqual(rest, { id: "c", messages: message().messages, trigger: "submit-message" });
});

Deno.test("another page has the same answer in its middle and after its end, with its last chunk", async () => {
  const kit = memoryKit();
  const { transport, model } = kit;
  model.say(TEXT_START, text("one "));
  const first = await transport.sendMessages(message());
  const second = await transport.reconnectToStream({ chatId: "c" });
  model.say(text("two"), TEXT_END, FINISH).end();
  equal(await textIn(first), "one two");
  equal(await textIn(second), "one two");
  const late = await transport.reconnectToStream({ chatId: "c" });
  ok(late !== null);
  deepEqual((await collect(late)).at(-1), FINISH);
});

Deno.test("a chat without an answer has nothing to resume", async () => {
  const { transport } = memoryKit();
  equal(await transport.reconnectToStream({ chatId: "none" }), null);
});

Deno.test("three resumes at once, and a hook that is mounted twice, share one connection", async () => {
  const kit = memoryKit();
  const { transport, model } = kit;
  model.say(TEXT_START, text("one "));
  await (await transport.sendMessages(message())).cancel();
  await until(() => kit.openReads === 0, () => `${kit.openReads} connections`);
  const streams = await Promise.all(
    [1, 2, 3].map(() => transport.reconnectToStream({ chatId: "c" })),
  );
  await until(() => kit.openReads === 1, () => `${kit.openReads} connections`);
  model.say(text("two"), TEXT_END, FINISH).end();
  for (const stream of streams) equal(await textIn(stream), "one two");
  await until(() => kit.openReads === 0, () => `${kit.openReads} connections`);
});

Deno.test("an aborted signal closes the connection, and the model goes on", async () => {
  const kit = memoryKit();
  const { transport, model } = kit;
  const leaving = new AbortController();
  model.say(TEXT_START, text("one "));
  const stream = await transport.sendMessages(message(leaving.signal));
  const reader = stream.getReader();
  await reader.read();
  await until(() => kit.openReads === 1, () => `${kit.openReads} connections`);
  leaving.abort();
  while (!(await reader.read()).done);
  await until(() => kit.openReads === 0, () => `${kit.openReads} connections`);
  equal(model.signal?.aborted, false);
  model.say(text("two"), TEXT_END, FINISH).end();
  equal(await textIn(await transport.reconnectToStream({ chatId: "c" })), "one two");
});

Deno.test("a page that is left while its message is posted leaves a message that is answered", async () => {
  const { transport, model } = memoryKit();
  model.say(TEXT_START, text("there"), TEXT_END, FINISH).end();
  const leaving = new AbortController();
  const sent = transport.sendMessages(message(leaving.signal));
  leaving.abort();
  await rejects(sent, { name: "AbortError" });
  await until(() => model.asked === 1, () => "the model isn't asked");
  await until(
    async () => await transport.reconnectToStream({ chatId: "c" }) !== null,
    () => "no answer",
  );
  equal(await textIn(await transport.reconnectToStream({ chatId: "c" })), "there");
});

Deno.test("no listener stays on a signal that lives longer than its answers", async () => {
  const { transport, model } = memoryKit();
  const page = new AbortController();
  let listeners = 0;
  const { signal } = page;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  const own = new Set<unknown>();
  signal.addEventListener = (type: string, listener: EventListener, options?: object) => {
    own.add(listener);
    listeners = own.size;
    add(type, listener, options);
  };
  signal.removeEventListener = (type: string, listener: EventListener) => {
    own.delete(listener);
    remove(type, listener);
  };
  model.say(TEXT_START, text("a"), TEXT_END, FINISH).end();
  await collect(await transport.sendMessages(message(signal)));
  for (let n = 0; n < 5; n++) {
    const stream = await transport.reconnectToStream({ chatId: "c", abortSignal: signal });
    await (n % 2 === 0 && stream !== null ? collect(stream) : stream?.cancel());
  }
  ok(listeners > 0);
  equal(own.size, 0);
});

Deno.test("a stop ends the answer everywhere, and a reload doesn't revive it", async () => {
  const { transport, model } = memoryKit();
  model.say(TEXT_START, text("one "));
  const first = await transport.sendMessages(message());
  const second = await transport.reconnectToStream({ chatId: "c" });
  await transport.stop("c");
  for (const stream of [first, second, await transport.reconnectToStream({ chatId: "c" })]) {
    ok(stream !== null);
    deepEqual((await collect(stream)).at(-1), { type: "abort", reason: "stopped" });
  }
  await until(() => model.signal?.aborted === true, () => "the model goes on");
});

Deno.test("a page that has asked before stops the answer that it shows, which another one asked for", async () => {
  const { transport, client, model } = memoryKit();
  model.say(TEXT_START, TEXT_END, FINISH).end();
  await collect(await transport.sendMessages(message()));
  const other = new ScriptedModel();
  other.say(TEXT_START, text("on and on"));
  const { done } = await pipeChat({ client, chat: "c", source: other.source });
  const shown = await transport.reconnectToStream({ chatId: "c" });
  ok(shown !== null);
  await transport.stop("c");
  deepEqual((await collect(shown)).at(-1), { type: "abort", reason: "stopped" });
  equal(await done, "stopped");
});

Deno.test("a stop that overtakes its message is kept", async () => {
  const { transport, model } = memoryKit();
  const sent = transport.sendMessages(message());
  await transport.stop("c");
  deepEqual((await collect(await sent)).at(-1), { type: "abort", reason: "stopped" });
  await until(() => model.signal?.aborted !== false, () => "the model goes on");
});

Deno.test("a resume that races with a stop gets the answer's end", async () => {
  const { transport, model } = memoryKit();
  model.say(TEXT_START, text("one "));
  await (await transport.sendMessages(message())).cancel();
  const [stream] = await Promise.all([
    transport.reconnectToStream({ chatId: "c" }),
    transport.stop("c"),
  ]);
  ok(stream !== null);
  equal((await collect(stream)).at(-1)?.type, "abort");
});

Deno.test("an answer without its last chunk is an error on the page", async () => {
  const kit = memoryKit();
  const { transport, model, client } = kit;
  model.say(TEXT_START, text("half"));
  const stream = await transport.sendMessages(message());
  const path = `chats/c/${kit.posted[0]?.body["answer"]}`;
  await kit.untilStored(path, 3);
  await client.close(path);
  await rejects(collect(stream), (error: unknown) => {
    return error instanceof ChatError && error.code === "incomplete";
  });
});

Deno.test("an answer that is deleted is an error on the page", async () => {
  const kit = memoryKit();
  const { transport, model, client } = kit;
  model.say(TEXT_START, text("half"));
  const stream = await transport.sendMessages(message());
  const path = `chats/c/${kit.posted[0]?.body["answer"]}`;
  await kit.untilStored(path, 3);
  await client.delete(path);
  await rejects(collect(stream), { name: "ChatError", code: "incomplete" });
});

Deno.test("a message that the application refuses fails with its words", async () => {
  const transport = chatTransport({
    streams: "http://streams.test/v1/stream",
    fetch: () => Promise.resolve(new Response("Too many messages.", { status: 429 })),
  });
  await rejects(transport.sendMessages(message()), {
    name: "ChatError",
    code: "refused",
    message: "Too many messages.",
  });
  const behindProxy = chatTransport({
    streams: "http://streams.test/v1/stream",
    fetch: () => Promise.resolve(new Response("<html>nginx/1.2</html>", { status: 502 })),
  });
  await rejects(behindProxy.sendMessages(message()), { message: /answered 502\.$/ });
});

/** An answer whose worker was killed in its middle: nobody writes it any more. */
async function killedAnswer(kit: ChatKit): Promise<string> {
  const path = "chats/c/killed";
  const begun = [
    { type: "data-ds-answer", data: { run: "r", leaseMs: 10_000 }, transient: true },
    TEXT_START,
    text("half"),
  ];
  const contentType = "application/json";
  await kit.client.create(path, { contentType, initialData: JSON.stringify(begun) });
  await kit.client.create("chats/c", { contentType, initialData: '[{"answer":"killed"}]' });
  return path;
}

/** Lets the page's time pass, as long as it takes until it has looked so often. */
async function untilLooked(kit: ChatKit, looks: number): Promise<void> {
  for (let n = 0; n < looks; n++) {
    await until(() => kit.clock.pendingTimers === 1, () => `${kit.clock.pendingTimers} timers`);
    kit.clock.advance(10_000);
  }
}

Deno.test("an answer whose worker was killed ends with an error for everybody, by whoever reads it", async () => {
  const kit = memoryKit();
  const path = await killedAnswer(kit);
  const stream = await kit.transport.reconnectToStream({ chatId: "c" });
  ok(stream !== null);
  const all = collect(stream);
  await untilLooked(kit, 2);
  equal((await all).at(-1)?.type, "error");
  equal(textOf(await all), "half");
  equal((await kit.stored(path)).at(-1)?.type, "error");
  equal((await kit.client.head(path)).closed, true);
});

Deno.test("where the application is gone as well, its page shows the error all the same", async () => {
  const kit = memoryKit();
  await killedAnswer(kit);
  const transport = chatTransport({
    streams: kit.client,
    clock: kit.clock,
    fetch: () => Promise.reject(new TypeError("fetch failed")),
  });
  const stream = await transport.reconnectToStream({ chatId: "c" });
  ok(stream !== null);
  const failed = rejects(collect(stream), { name: "ChatError", code: "silent" });
  await untilLooked(kit, 2);
  await failed;
});

Deno.test("a writer that says something in between isn't taken for dead", async () => {
  const kit = memoryKit();
  const path = await killedAnswer(kit);
  const stream = await kit.transport.reconnectToStream({ chatId: "c" });
  ok(stream !== null);
  const reader = stream.getReader();
  for (let n = 0; n < 2; n++) await reader.read();
  await untilLooked(kit, 1);
  await kit.client.writer(path).sendJson(text("more"));
  equal((await reader.read()).value?.type, "text-delta");
  // Before the next chunk there would be the error.
  kit.clock.advance(9_999);
  await kit.client.writer(path).sendJson(FINISH);
  deepEqual((await reader.read()).value, FINISH);
  ok(kit.posted.every(({ url }) => !url.endsWith("/stop")));
});

Deno.test("a page that was offline proves nothing about the writer", async () => {
  const kit = memoryKit();
  await killedAnswer(kit);
  const stream = await kit.transport.reconnectToStream({ chatId: "c" });
  ok(stream !== null);
  const reader = stream.getReader();
  for (let n = 0; n < 2; n++) await reader.read();
  kit.isAway = true;
  await untilLooked(kit, 4);
  equal(kit.posted.length, 0);
  kit.isAway = false;
  await reader.cancel();
});

Deno.test("reads have the page's token, on a send and on a resume", async () => {
  const kit = memoryKit();
  const seen = new Set<string | null>();
  const streams = new Client("http://streams.test/v1/stream", {
    token: () => Promise.resolve("page-token"),
    transport: fetchTransport({
      fetch: (_url, init) => {
        seen.add(new Headers(init.headers).get("authorization"));
        return Promise.resolve(new Response(null, { status: 404 }));
      },
    }),
  });
  const transport = chatTransport({ streams, fetch: () => Promise.resolve(new Response()) });
  equal(await transport.reconnectToStream({ chatId: "c" }), null);
  await rejects(collect(await transport.sendMessages(message())));
  deepEqual([...seen], ["Bearer page-token"]);
  equal(kit.model.asked, 0);
});

Deno.test("another tab hears of what is asked, and is given the messages that were kept", async () => {
  const kit = memoryKit();
  kit.pipe = { messages: message().messages };
  kit.model.say(FINISH).end();
  await collect(await kit.transport.sendMessages(message()));
  const tab = chatTransport({ streams: kit.client });
  const closing = new AbortController();
  const heard: string[] = [];
  const own: string[] = [];
  const watched = Promise.all([
    tab.watch("c", ({ answer }) => heard.push(answer), closing.signal),
    kit.transport.watch("c", ({ answer }) => own.push(answer), closing.signal),
  ]);
  const isRead = () => kit.openReads === 1;
  await until(isRead, () => "nobody reads on");
  // Two at once, of which neither is another one's.
  kit.model.say(FINISH, FINISH);
  await Promise.all([1, 2].map(async () => {
    await collect(await kit.transport.sendMessages(message()));
  }));
  await until(() => heard.length >= 2, () => "nothing heard");
  deepEqual(heard.toSorted(), kit.posted.slice(1).map(({ body }) => body["answer"]).toSorted());
  deepEqual(own, []);
  deepEqual(await tab.load("c"), message().messages);
  closing.abort();
  await watched;
});

Deno.test("a tab hears of a chat's first answer, too, and makes no stream by waiting for it", async () => {
  const kit = memoryKit();
  const tab = chatTransport({ streams: kit.client, clock: kit.clock });
  const closing = new AbortController();
  const heard: string[] = [];
  const watched = tab.watch("c", ({ answer }) => heard.push(answer), closing.signal);
  await until(() => kit.clock.pendingTimers === 1, () => "it doesn't wait");
  ok(!await kit.client.exists("chats/c"));
  await kit.client.create("chats/c", {
    contentType: "application/json",
    initialData: '[{"answer":"first"}]',
  });
  kit.clock.advance(1_000);
  await until(() => heard.length === 1, () => "nothing heard");
  deepEqual(heard, ["first"]);
  // Deleted, and made again.
  await kit.client.delete("chats/c");
  await until(() => kit.clock.pendingTimers === 1, () => "it doesn't wait");
  await kit.client.create("chats/c", {
    contentType: "application/json",
    initialData: '[{"answer":"second"}]',
  });
  kit.clock.advance(1_000);
  await until(() => heard.length === 2, () => "nothing heard");
  closing.abort();
  await watched;
  equal(kit.clock.pendingTimers, 0);
});

Deno.test("a chat's newest answer is found by one request, however many there are", async () => {
  const kit = memoryKit();
  const entries = Array.from({ length: 100 }, (_, i) => ({ answer: `a${i}` }));
  const initialData = JSON.stringify(entries);
  await kit.client.create("chats/c", { contentType: "application/json", initialData });
  kit.requests.length = 0;
  deepEqual(await newestAnswer(kit.client, { chat: "c" }), { answer: "a99" });
  deepEqual(kit.requests.map(({ url }) => new URL(url).search), ["?tail=1"]);
});

Deno.test("a chat's newest answer is found on a server that reads from offsets only", async () => {
  const app = createApp({ storage: createMemoryStorage() });
  const client = new Client("http://streams.test/v1/stream", {
    transport: fetchTransport({
      fetch: (url, init) => app.request(url.replace("tail=1", ""), init),
    }),
  });
  const initialData = '[{"answer":"first"},{"answer":"second"}]';
  await client.create("chats/c", { contentType: "application/json", initialData });
  deepEqual(await newestAnswer(client, { chat: "c" }), { answer: "second" });
});

Deno.test("a page remembers the answers of its newest chats only, and stops those", async () => {
  const kit = memoryKit();
  const posted: Record<string, unknown>[] = [];
  const transport = chatTransport({
    streams: kit.client,
    fetch: (_url, init) => {
      posted.push(JSON.parse(String(init?.body)));
      return Promise.resolve(new Response());
    },
  });
  for (let i = 0; i <= 1_000; i++) {
    await transport.sendMessages({
      ...message(),
      chatId: `c${i}`,
      abortSignal: AbortSignal.abort(),
    })
      .catch(() => {});
  }
  const answers = posted.map(({ answer }) => answer);
  await transport.stop("c0");
  await transport.stop("c1");
  deepEqual(posted.slice(-2).map(({ answer }) => answer), [undefined, answers[1]]);
});

Deno.test("a chat can be told not to give an answer again that has ended", async () => {
  const kit = memoryKit();
  const transport = chatTransport({ streams: kit.client, replayEnded: false });
  const model = new ScriptedModel().say(text("a"));
  const { done } = await pipeChat({ client: kit.client, chat: "c", source: model.source });
  const running = await transport.reconnectToStream({ chatId: "c" });
  ok(running !== null);
  await running.cancel();
  model.say(FINISH).end();
  await done;
  equal(await transport.reconnectToStream({ chatId: "c" }), null);
});
