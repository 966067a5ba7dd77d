import { deepEqual, equal, ok } from "node:assert/strict";
import { newestAnswer } from "../../src/ai/chat_log.ts";
import { openAnswer } from "../../src/ai/open_answer.ts";
import { pipeChat } from "../../src/ai/pipe_chat.ts";
import { stopChat } from "../../src/ai/stop_chat.ts";
import { until } from "../support/until.ts";
import { type AnyChunk, FINISH, ScriptedModel, text, TEXT_END, TEXT_START } from "./chat_kit.ts";
import { memoryKit } from "./memory_kit.ts";

const STOPPED = { type: "abort", reason: "stopped" };

Deno.test("an answer is there at once, and its model goes on without its request", async () => {
  const { client, clock, model } = memoryKit();
  const answer = await pipeChat({ client, clock, chat: "c", source: model.source });
  equal(answer.response().status, 202);
  deepEqual(await answer.response().json(), {
    chat: "c",
    answer: answer.answer,
    stream: `chats/c/${answer.answer}`,
  });
  deepEqual(await newestAnswer(client, { chat: "c" }), { answer: answer.answer });
  model.say(TEXT_START, text("Hel"), text("lo"), TEXT_END, FINISH).end();
  equal(await answer.done, "finished");
});

Deno.test("the last chunk and the end of the stream are one request", async () => {
  const kit = memoryKit();
  const { client, clock, model } = kit;
  const { done, path } = await pipeChat({ client, clock, chat: "c", source: model.source });
  model.say(TEXT_START, text("a"), TEXT_END, FINISH).end();
  await done;
  const last = kit.requests.findLast(({ method }) => method === "POST");
  equal(last?.headers["stream-closed"], "true");
  ok(new TextDecoder().decode(last?.body).endsWith(`{"type":"finish"}]`));
  deepEqual((await kit.stored(path)).at(-1), FINISH);
});

Deno.test("a message has one start, with an id that is the same for all who read it", async () => {
  const kit = memoryKit();
  const { client, clock } = kit;
  const begin = async (chat: string, messages: readonly unknown[], ...chunks: AnyChunk[]) => {
    const model = new ScriptedModel().say(...chunks, FINISH);
    model.end();
    const { done, path } = await pipeChat({
      client,
      clock,
      chat,
      answer: "a",
      messages,
      source: model.source,
    });
    await done;
    return (await kit.stored(path)).slice(0, -1);
  };
  deepEqual(await begin("1", []), [{ type: "start", messageId: "a" }]);
  deepEqual(await begin("2", [], { type: "start" }), [{ type: "start", messageId: "a" }]);
  const own = { type: "start", messageId: "own" };
  deepEqual(await begin("3", [], own, own), [own]);
  const continued = [{ id: "m1", role: "user" }, { id: "m2", role: "assistant" }];
  deepEqual(await begin("4", continued), [{ type: "start", messageId: "m2" }]);
});

Deno.test("a stop reaches a model that says nothing", async () => {
  const kit = memoryKit();
  const { client, clock, model } = kit;
  const { done, path } = await pipeChat({ client, clock, chat: "c", source: model.source });
  model.say(TEXT_START, text("a"));
  await kit.untilStored(path, 3);
  equal(await stopChat({ client, chat: "c" }), true);
  equal(await done, "stopped");
  equal(model.signal?.aborted, true);
  deepEqual((await kit.stored(path)).at(-1), STOPPED);
  equal(await stopChat({ client, chat: "c" }), false);
});

Deno.test("a stop reaches a model that says more and more, and nothing comes after it", async () => {
  const kit = memoryKit();
  const { client, clock } = kit;
  let said = 0;
  const { done, path } = await pipeChat({
    client,
    clock,
    chat: "c",
    source: async function* ({ signal }) {
      yield TEXT_START;
      while (!signal.aborted) {
        yield text(`${said++} `);
        await new Promise((resolve) => setTimeout(resolve));
      }
    },
  });
  await until(() => said > 20, () => `${said} said`);
  await stopChat({ client, chat: "c" });
  equal(await done, "stopped");
  const saidThen = said;
  await new Promise((resolve) => setTimeout(resolve, 20));
  ok(said <= saidThen + 1, `it said ${said - saidThen} more`);
  const stored = await kit.stored(path);
  equal(stored.findIndex(({ type }) => type === "abort"), stored.length - 1);
});

Deno.test("an answer that is stopped before it begins never asks its model", async () => {
  const kit = memoryKit();
  const { client, clock, model } = kit;
  equal(await stopChat({ client, chat: "c", answer: "early" }), true);
  const { done, path } = await pipeChat({
    client,
    clock,
    chat: "c",
    answer: "early",
    source: model.source,
  });
  equal(await done, "stopped");
  equal(model.asked, 0);
  deepEqual(await kit.stored(path), [STOPPED]);
  deepEqual(await newestAnswer(client, { chat: "c" }), { answer: "early" });
});

Deno.test("an end of one answer doesn't hide the next one", async () => {
  const { client, clock } = memoryKit();
  const first = new ScriptedModel();
  const second = new ScriptedModel();
  const pipe = { client, clock, chat: "c" };
  const one = await pipeChat({ ...pipe, answer: "1", source: first.source });
  const two = await pipeChat({ ...pipe, answer: "2", source: second.source });
  first.say(FINISH).end();
  equal(await one.done, "finished");
  deepEqual(await newestAnswer(client, pipe), { answer: "2" });
  await stopChat(pipe);
  equal(await two.done, "stopped");
});

Deno.test("a model that throws ends its answer with an error that tells no secret", async () => {
  const kit = memoryKit();
  const { client, clock } = kit;
  const fail = async (chat: string, errorText?: (error: unknown) => string) => {
    const model = new ScriptedModel().say(TEXT_START, text("half"));
    const { done, path } = await pipeChat({ client, clock, chat, source: model.source, errorText });
    model.fail(new Error("key sk-123 is bad"));
    equal(await done, "failed");
    const stored = await kit.stored(path);
    deepEqual(stored[2], text("half"));
    equal((await client.head(path)).closed, true);
    return stored.at(-1);
  };
  deepEqual(await fail("1"), { type: "error", errorText: "The answer failed." });
  deepEqual(await fail("2", (error) => `${error}`), {
    type: "error",
    errorText: "Error: key sk-123 is bad",
  });
  // Words that can't be had are no reason to leave an answer open.
  const broken = () => {
    throw new Error("no words");
  };
  const none: () => string = () => JSON.parse("null");
  for (const [chat, errorText] of [["3", broken], ["4", none]] as const) {
    deepEqual(await fail(chat, errorText), { type: "error", errorText: "The answer failed." });
  }
});

Deno.test("an answer that is deleted in its middle stops its model, and isn't made again", async () => {
  const kit = memoryKit();
  const { client, clock } = kit;
  for (const isSilent of [true, false]) {
    const chat = `${isSilent}`;
    const model = new ScriptedModel();
    const { done, path } = await pipeChat({ client, clock, chat, source: model.source });
    model.say(TEXT_START, text("half"));
    await kit.untilStored(path, 3);
    await client.delete(path);
    if (!isSilent) model.say(text("more"));
    ok(["stopped", "failed"].includes(await done));
    equal(model.signal?.aborted, true);
    equal(await client.exists(path), false);
  }
});

Deno.test("a chunk that the server doesn't take ends the answer with an error", async () => {
  const kit = memoryKit({ maxAppendBytes: 10_000 });
  const { client, clock, model } = kit;
  const { done, path } = await pipeChat({ client, clock, chat: "c", source: model.source });
  model.say(TEXT_START, text("half"));
  await kit.untilStored(path, 3);
  model.say(text("x".repeat(20_000)), FINISH).end();
  equal(await done, "failed");
  const types = (await kit.stored(path)).map(({ type }) => type);
  deepEqual(types, ["start", "text-start", "text-delta", "error"]);
  equal(model.signal?.aborted, true);
});

Deno.test("a source that comes after its stop is ended unread", async () => {
  const kit = memoryKit();
  const { client, clock } = kit;
  const late = Promise.withResolvers<ReadableStream<AnyChunk>>();
  const { done } = await pipeChat({ client, clock, chat: "c", source: () => late.promise });
  equal(await stopChat({ client, chat: "c" }), true);
  equal(await done, "stopped");
  const ended = Promise.withResolvers<void>();
  late.resolve(new ReadableStream<AnyChunk>({ cancel: () => ended.resolve() }));
  await ended.promise;
});

Deno.test("a model that can't even be asked ends its answer with an error, too", async () => {
  const kit = memoryKit();
  const { client, clock } = kit;
  const source = () => Promise.reject(new Error("no such model"));
  const { done, path } = await pipeChat({ client, clock, chat: "c", source });
  equal(await done, "failed");
  equal((await kit.stored(path)).at(-1)?.type, "error");
});

Deno.test("an answer whose source ends without a last chunk ends with an error", async () => {
  const kit = memoryKit();
  const { client, clock, model } = kit;
  const { done, path } = await pipeChat({ client, clock, chat: "c", source: model.source });
  model.say(TEXT_START, text("half")).end();
  equal(await done, "failed");
  equal((await kit.stored(path)).at(-1)?.type, "error");
});

Deno.test("what a source does after its last chunk is done, and is no part of the answer", async () => {
  const kit = memoryKit();
  const { client, clock } = kit;
  let isSaved = false;
  const { done, path } = await pipeChat({
    client,
    clock,
    chat: "c",
    source: async function* () {
      yield { type: "error", errorText: "tool failed" };
      yield FINISH;
      await Promise.resolve();
      isSaved = true;
    },
  });
  equal(await done, "failed");
  equal(isSaved, true);
  equal((await kit.stored(path)).at(-1)?.type, "error");
});

Deno.test("a source that doesn't end after its last chunk is left after a lease", async () => {
  const kit = memoryKit();
  const { client, clock, model } = kit;
  const { done, path } = await pipeChat({ client, clock, chat: "c", source: model.source });
  model.say(FINISH);
  await until(async () => (await client.head(path)).closed, () => "the answer isn't closed");
  await until(() => clock.pendingTimers === 1, () => "nothing waits for the source");
  equal(model.signal?.aborted, false);
  clock.advance(30_000);
  equal(await done, "finished");
  equal(model.signal?.aborted, true);
});

Deno.test("a request that comes twice asks the model once", async () => {
  const { client, clock, model } = memoryKit();
  const pipe = { client, clock, chat: "c", answer: "a", source: model.source };
  const first = await pipeChat(pipe);
  const second = await pipeChat(pipe);
  equal(await second.done, "elsewhere");
  model.say(FINISH).end();
  equal(await first.done, "finished");
  equal(await (await pipeChat(pipe)).done, "finished");
  equal(model.asked, 1);
});

Deno.test("a worker that has its job again ends the answer of the one before with an error", async () => {
  const kit = memoryKit();
  const { client, clock } = kit;
  const killed = new ScriptedModel().say(TEXT_START, text("a"));
  const pipe = { client, clock, chat: "c", answer: "a" };
  const first = await pipeChat({ ...pipe, source: killed.source });
  await kit.untilStored(first.path, 3);
  const second = await pipeChat({ ...pipe, source: new ScriptedModel().source, restart: "fail" });
  equal(await second.done, "failed");
  equal((await kit.stored(first.path)).at(-1)?.type, "error");
});

Deno.test("a worker that goes on is told what is there, and the one before writes nothing more", async () => {
  const kit = memoryKit();
  const { client, clock } = kit;
  const killed = new ScriptedModel().say(TEXT_START, text("one "));
  const pipe = { client, clock, chat: "c", answer: "a" };
  const first = await pipeChat({ ...pipe, source: killed.source });
  await kit.untilStored(first.path, 3);
  const next = new ScriptedModel().say({ type: "start" }, text("two"));
  const second = await pipeChat({ ...pipe, source: next.source, restart: "go-on" });
  await kit.untilStored(first.path, 4);
  deepEqual(next.before.map(({ type }) => type), ["start", "text-start", "text-delta"]);
  killed.say(text("late"));
  equal(await first.done, "elsewhere");
  equal(killed.signal?.aborted, true);
  next.say(TEXT_END, FINISH).end();
  equal(await second.done, "finished");
  const stored = await kit.stored(first.path);
  equal(stored.map(({ delta = "" }) => delta).join(""), "one two");
  equal(stored.filter(({ type }) => type === "start").length, 1);
});

Deno.test("a writer whose model is silent gives signs of life within its lease", async () => {
  const { client, clock, model } = memoryKit();
  const { path, done } = await pipeChat({
    client,
    clock,
    chat: "c",
    source: model.source,
    leaseMs: 9_000,
  });
  await until(() => model.asked === 1, () => "the model isn't asked");
  const signs = async () =>
    (await client.reader(path).allJson<AnyChunk>())
      .filter(({ type }) => type === "data-ds-alive").length;
  clock.advance(2_999);
  equal(await signs(), 0);
  clock.advance(1);
  await until(async () => await signs() === 1, () => "no sign of life");
  clock.advance(3_000);
  await until(async () => await signs() === 2, () => "no sign of life");
  model.say(FINISH).end();
  await done;
  equal(clock.pendingTimers, 0);
});

Deno.test("an answer of 2 MB with a file in it comes whole", async () => {
  const kit = memoryKit();
  const { client, clock, model } = kit;
  const file = { type: "file", mediaType: "image/png", url: `data:,${"x".repeat(1_500_000)}` };
  const words = Array.from({ length: 2_000 }, (_, n) => text(`${n}`.padEnd(1_000, ".")));
  const { done, path } = await pipeChat({ client, clock, chat: "c", source: model.source });
  model.say(TEXT_START, ...words, TEXT_END, file, FINISH).end();
  equal(await done, "finished");
  deepEqual((await kit.stored(path)).slice(1), [TEXT_START, ...words, TEXT_END, file, FINISH]);
});

Deno.test("ids that can't be in a stream's name are refused with what would be right", async () => {
  const { client, model } = memoryKit();
  for (const chat of ["", "a/b", "..", "x".repeat(129), "\n"]) {
    const error = await pipeChat({ client, chat, source: model.source }).catch((error) => error);
    equal(error.code, "invalid_argument");
    ok(/The chat's id is .*: expected 1 to 128 characters/.test(error.message), error.message);
  }
});

Deno.test("a chat has more answers than a stream has producers", async () => {
  const { client, clock } = memoryKit({}, { maxProducersPerStream: 3 });
  for (let i = 0; i < 5; i++) {
    const model = new ScriptedModel().say(FINISH);
    model.end();
    const answer = `${i}`;
    const { done } = await pipeChat({ client, clock, chat: "c", answer, source: model.source });
    equal(await done, "finished");
  }
  deepEqual(await newestAnswer(client, { chat: "c" }), { answer: "4" });
  equal((await client.reader("chats/c").allJson()).length, 5);
});

Deno.test("an answer is noted once, though the server's word was lost or its request comes again", async () => {
  const kit = memoryKit();
  const { client, clock, model } = kit;
  const pipe = { client, clock, chat: "c", source: model.source };
  let lost = 0;
  kit.isLost = ({ method, url }) => method === "POST" && url.endsWith("chats/c") && lost++ === 0;
  const one = await pipeChat({ ...pipe, answer: "1" });
  equal(lost, 1);
  model.say(FINISH).end();
  equal(await one.done, "finished");
  const two = await pipeChat({ ...pipe, answer: "2", source: new ScriptedModel().source });
  equal(await (await pipeChat({ ...pipe, answer: "1" })).done, "finished");
  const entries = [{ answer: "1" }, { answer: "2" }];
  deepEqual(await client.reader("chats/c").allJson(), entries);
  await stopChat({ client, chat: "c" });
  equal(await two.done, "stopped");
});

Deno.test("answers that are noted at once are all noted, each once", async () => {
  const { client, clock } = memoryKit();
  const answers = Array.from({ length: 8 }, (_, i) => `${i}`);
  await Promise.all(answers.map(async (answer) => {
    const model = new ScriptedModel().say(FINISH);
    model.end();
    const { done } = await pipeChat({ client, clock, chat: "c", answer, source: model.source });
    equal(await done, "finished");
  }));
  const entries = await client.reader("chats/c").allJson<{ answer: string }>();
  deepEqual(entries.map(({ answer }) => answer).sort(), answers);
});

Deno.test("an answer whose worker died before it was noted is, by the one that goes on", async () => {
  const { client, clock, model } = memoryKit();
  await openAnswer(client, "chats/c/1", { leaseMs: 30_000, ttlSeconds: undefined });
  const pipe = { client, clock, chat: "c", answer: "1", source: model.source };
  model.say(FINISH).end();
  equal(await (await pipeChat({ ...pipe, restart: "go-on" })).done, "finished");
  deepEqual(await client.reader("chats/c").allJson(), [{ answer: "1" }]);
});
