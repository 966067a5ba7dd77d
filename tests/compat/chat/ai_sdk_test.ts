import { deepEqual, equal, ok } from "node:assert/strict";
import { Chat } from "@ai-sdk/react";
import { convertToModelMessages, dynamicTool, jsonSchema, stepCountIs, streamText } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import type { PipeChatOptions } from "../../../src/ai/pipe_chat.ts";
import { ChatKit, FINISH, text, TEXT_END, TEXT_START } from "../../ai/chat_kit.ts";
import { until } from "../../support/until.ts";
import { CompatServer } from "../compat_server.ts";
import { inRepo } from "../../tools/repo.ts";

let server: CompatServer | undefined;
Deno.test.beforeAll(async () => {
  server = await CompatServer.start([Deno.execPath(), "run", "-A", inRepo("main.ts")]);
});
Deno.test.afterAll(() => server?.[Symbol.asyncDispose]());

/** A chat of its own on the server of all. */
function newKit(): ChatKit {
  return new ChatKit({ url: `${server?.url}/${crypto.randomUUID()}`, fetch });
}

const USAGE = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
};

type Part = Record<string, unknown> & { type: string };

/** As it comes from where it is kept. */
const kept = (value: unknown) => JSON.parse(JSON.stringify(value));

/** A page of the SDK: its own state and messages, the transport of the kit. */
function openPage(kit: ChatKit, messages: readonly unknown[] = []) {
  return new Chat({ id: "c", transport: kit.transport, messages: kept(messages) });
}

/** The text of the page's last message. */
function lastText(page: ReturnType<typeof openPage>): string {
  const parts: readonly Part[] = page.messages.at(-1)?.parts ?? [];
  return parts.map(({ text = "" }) => text).join("");
}

const untilText = (page: ReturnType<typeof openPage>, wanted: string) =>
  until(() => lastText(page) === wanted, () => `it says ${lastText(page)}`);

/** A model of the SDK that answers in steps: each call gives the next one's chunks. */
function mockModel(steps: readonly (readonly Part[])[]) {
  let step = 0;
  return new MockLanguageModelV4({
    doStream: () => {
      const finishReason = step + 1 < steps.length ? "tool-calls" : "stop";
      const parts: Part[] = [
        { type: "stream-start", warnings: [] },
        ...(steps[step++] ?? []),
        {
          type: "finish",
          usage: USAGE,
          finishReason: { unified: finishReason, raw: finishReason },
        },
      ];
      return Promise.resolve({ stream: ReadableStream.from(kept(parts)) });
    },
  });
}

const weather = dynamicTool({
  description: "The weather",
  inputSchema: jsonSchema({ type: "object", properties: { city: { type: "string" } } }),
  execute: () => Promise.resolve({ degrees: 21 }),
});

/** What the application's route does: nothing but `streamText`, and the signal. */
function askSdk(model: ReturnType<typeof mockModel>): PipeChatOptions["source"] {
  return async ({ signal }) =>
    streamText({
      model,
      tools: { weather },
      stopWhen: stepCountIs(3),
      messages: await convertToModelMessages([
        { role: "user", parts: [{ type: "text", text: "hi" }] },
      ]),
      abortSignal: signal,
    }).toUIMessageStream();
}

Deno.test("a message with tool calls and files is the same for its sender and after a reload", async () => {
  const kit = newKit();
  const model = mockModel([
    [
      { type: "reasoning-start", id: "r" },
      { type: "reasoning-delta", id: "r", delta: "Which city?" },
      { type: "reasoning-end", id: "r" },
      { type: "tool-input-start", id: "call", toolName: "weather" },
      { type: "tool-input-delta", id: "call", delta: '{"city":"Oslo"}' },
      { type: "tool-input-end", id: "call" },
      { type: "tool-call", toolCallId: "call", toolName: "weather", input: '{"city":"Oslo"}' },
    ],
    [
      { type: "file", mediaType: "image/png", data: { type: "data", data: "iVBORw0KGgo=" } },
      { type: "text-start", id: "t" },
      { type: "text-delta", id: "t", delta: "21 degrees." },
      { type: "text-end", id: "t" },
    ],
  ]);
  kit.pipe = { source: askSdk(model), errorText: String };
  const page = openPage(kit);
  await page.sendMessage({ text: "hi" });
  equal(page.error, undefined);
  equal(page.status, "ready");
  const types = page.messages.at(-1)?.parts.map(({ type }: Part) => type);
  deepEqual(types, ["step-start", "reasoning", "dynamic-tool", "step-start", "file", "text"]);
  equal(lastText(page), "Which city?21 degrees.");
  const reloaded = openPage(kit, page.messages.slice(0, 1));
  await reloaded.resumeStream();
  deepEqual(kept(reloaded.messages), kept(page.messages));
  equal(reloaded.status, "ready");
});

Deno.test("a stop reaches the model's signal through streamText, and a reload doesn't revive it", async () => {
  const kit = newKit();
  let signal: AbortSignal | undefined;
  const model = new MockLanguageModelV4({
    doStream: ({ abortSignal }: { abortSignal?: AbortSignal }) => {
      signal = abortSignal;
      const stream = new ReadableStream({
        start(controller) {
          controller.enqueue({ type: "text-start", id: "t" });
          controller.enqueue({ type: "text-delta", id: "t", delta: "one " });
        },
      });
      return Promise.resolve({ stream });
    },
  });
  kit.pipe = { source: askSdk(model) };
  const page = openPage(kit);
  const sent = page.sendMessage({ text: "hi" });
  await untilText(page, "one ");
  await kit.transport.stop("c");
  await sent;
  equal(page.status, "ready");
  await until(() => signal?.aborted === true, () => "the model goes on");
  const reloaded = openPage(kit, page.messages.slice(0, 1));
  await reloaded.resumeStream();
  equal(reloaded.status, "ready");
  equal(lastText(reloaded), "one ");
});

Deno.test("the SDK's own stop, as at an unmount, leaves the model alone", async () => {
  const kit = newKit();
  const page = openPage(kit);
  kit.model.say(TEXT_START, text("one "));
  const sent = page.sendMessage({ text: "hi" });
  await untilText(page, "one ");
  await page.stop();
  await sent;
  await until(() => kit.openReads === 0, () => `${kit.openReads} connections`);
  equal(kit.model.signal?.aborted, false);
  const next = openPage(kit, page.messages.slice(0, 1));
  const resumed = next.resumeStream();
  kit.model.say(text("two"), TEXT_END, FINISH).end();
  await resumed;
  equal(lastText(next), "one two");
});

Deno.test("a resume of the same page in mid-answer doubles nothing", async () => {
  const kit = newKit();
  const page = openPage(kit);
  kit.model.say(TEXT_START, text("one "));
  const sent = page.sendMessage({ text: "hi" });
  await untilText(page, "one ");
  await page.stop();
  await sent;
  const resumed = page.resumeStream();
  kit.model.say(text("two"), TEXT_END, FINISH).end();
  await resumed;
  equal(lastText(page), "one two");
  equal(page.messages.length, 2);
});

Deno.test("three resumes at once give the answer once", async () => {
  const kit = newKit();
  const page = openPage(kit);
  kit.model.say(TEXT_START, text("one "));
  const sent = page.sendMessage({ text: "hi" });
  await untilText(page, "one ");
  const reloaded = openPage(kit, page.messages.slice(0, 1));
  const resumes = [1, 2, 3].map(() => reloaded.resumeStream());
  await untilText(reloaded, "one ");
  kit.model.say(text("two"), TEXT_END, FINISH).end();
  await Promise.all([sent, ...resumes]);
  equal(lastText(reloaded), "one two");
  equal(reloaded.messages.length, 2);
  equal(reloaded.status, "ready");
  await until(() => kit.openReads === 0, () => `${kit.openReads} connections`);
});

Deno.test("a page that has the answer already, and resumes, has it once", async () => {
  const kit = newKit();
  const page = openPage(kit);
  kit.model.say(TEXT_START, text("whole"), TEXT_END, FINISH).end();
  await page.sendMessage({ text: "hi" });
  const reloaded = openPage(kit, page.messages);
  await reloaded.resumeStream();
  deepEqual(kept(reloaded.messages), kept(page.messages));
});

Deno.test("an answer that ends without its last chunk is an error of the page, not ready", async () => {
  const kit = newKit();
  const page = openPage(kit);
  kit.model.say(TEXT_START, text("half"));
  const sent = page.sendMessage({ text: "hi" });
  await untilText(page, "half");
  await kit.client.close(`chats/c/${kit.posted[0]?.body["answer"]}`);
  await sent;
  equal(page.status, "error");
  ok(page.error?.message.includes("broke off"), String(page.error));
});

Deno.test("a model that fails is an error of the page, and of whoever resumes it", async () => {
  const kit = newKit();
  const page = openPage(kit);
  kit.model.say(TEXT_START, text("half")).fail(new Error("secret"));
  await page.sendMessage({ text: "hi" });
  const reloaded = openPage(kit, page.messages.slice(0, 1));
  await reloaded.resumeStream();
  for (const { status, error } of [page, reloaded]) {
    equal(status, "error");
    equal(error?.message, "The answer failed.");
  }
});
