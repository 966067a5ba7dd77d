import { deepStrictEqual as equal, ok } from "node:assert";
import fc from "fast-check";
import { ClientError } from "../../../src/client/errors/client_error.ts";
import type { Producer } from "../../../src/client/producer/producer.ts";
import type { Receipt } from "../../../src/client/producer/batch.ts";
import { isJsonType } from "../../../src/protocol/content_type.ts";
import { producer as producerHeaders } from "../../support/fixture.ts";
import { yieldToEventLoop } from "../../support/event_loop.ts";
import { ProducerFixture } from "../../support/client/producer_fixture.ts";
import type { RequestOutcome } from "../../support/client/scripted_transport.ts";

/** What happens between two messages. */
type Step =
  | { kind: "send"; length: number }
  | { kind: "flush" }
  | { kind: "restart" }
  | { kind: "pause"; ms: number };

interface Run {
  contentType: string;
  steps: Step[];
  /** What becomes of the requests, one after the other; what comes after them passes. */
  outcomes: { outcome: RequestOutcome; delayMs: number; answerDelayMs: number }[];
  options: {
    maxBatchBytes: number;
    maxBatchMessages: number;
    maxInFlight: number;
    maxBufferedBytes: number;
    lingerMs: number;
    maxElapsedMs: number;
  };
  /** Before which request something happens that is final. */
  end: { at: number; by: "close" | "fence" | "delete" | "abort" | "refuse" } | undefined;
}

const passing: fc.Arbitrary<RequestOutcome> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<RequestOutcome>("pass") },
  { weight: 1, arbitrary: fc.constantFrom<RequestOutcome>("refuse", "lose", "duplicate") },
  {
    weight: 1,
    arbitrary: fc.constantFrom<RequestOutcome>(
      { status: 503 },
      { status: 503, done: true },
      { status: 429, headers: { "retry-after": "1" } },
    ),
  },
);

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ kind: fc.constant("send"), length: fc.nat({ max: 40 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("flush") }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart") }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("pause"), ms: fc.nat({ max: 20 }) }),
    },
  ),
  { maxLength: 60 },
);

function runs(end: fc.Arbitrary<Run["end"]>): fc.Arbitrary<Run> {
  return fc.record({
    contentType: fc.constantFrom("text/plain", "application/json"),
    steps,
    outcomes: fc.array(
      fc.record({
        outcome: passing,
        delayMs: fc.nat({ max: 30 }),
        answerDelayMs: fc.nat({ max: 30 }),
      }),
      { maxLength: 60 },
    ),
    options: fc.record({
      maxBatchBytes: fc.integer({ min: 1, max: 120 }),
      maxBatchMessages: fc.integer({ min: 1, max: 6 }),
      maxInFlight: fc.integer({ min: 1, max: 5 }),
      maxBufferedBytes: fc.integer({ min: 1, max: 3_000 }),
      lingerMs: fc.constantFrom(0, 5, Infinity),
      maxElapsedMs: fc.constant(Infinity),
    }),
    end,
  });
}

/** A message is refused where the producer had failed before. */
type MessageOutcome = "stored" | "lost" | "unknown" | "aborted" | "refused";

/** A run as it went. */
interface Outcome {
  /** The messages as they are in the stream. */
  stored: string[];
  /** What was sent, in order, each with what its promise came to. */
  sent: { text: string; outcome: MessageOutcome }[];
  failures: unknown[];
  producer: Producer;
}

async function play(run: Run): Promise<Outcome> {
  const at = new ProducerFixture();
  await at.server.make("s", { "content-type": run.contentType });
  const controller = new AbortController();
  const isJson = isJsonType(run.contentType);
  let content = "";
  at.transport.script = async (_, number) => {
    const { outcome, delayMs } = run.outcomes[number] ?? { outcome: "pass" as const, delayMs: 0 };
    await sleep(at, delayMs);
    if (run.end?.at !== number) return outcome;
    content = await at.server.content("s");
    return await end(at, run, run.end.by, controller);
  };
  at.transport.onResponse = async (request) => {
    const number = at.transport.requests.indexOf(request);
    await sleep(at, run.outcomes[number]?.answerDelayMs ?? 0);
  };
  const failures: unknown[] = [];
  const make = (from?: Producer) =>
    at.client.producer("s", {
      id: "p",
      contentType: run.contentType,
      signal: controller.signal,
      onError: (error) => failures.push(error),
      ...run.options,
      ...(from === undefined ? {} : { epoch: from.epoch, seq: from.seq }),
    });
  let producer = make();
  const sends: { text: string; receipt: Promise<Receipt> }[] = [];
  const ended = (async () => {
    for (const step of run.steps) {
      if (step.kind === "send") {
        const text = `<${sends.length}${"x".repeat(step.length)}>`;
        const receipt = isJson ? producer.sendJson(text) : producer.send(text);
        receipt.catch(() => {});
        sends.push({ text, receipt });
        await receipt;
      } else if (step.kind === "flush") {
        await producer.flush();
      } else if (step.kind === "restart") {
        await producer.close();
        producer = make(producer);
      } else {
        await sleep(at, step.ms);
      }
    }
    await producer.close();
  })().catch(() => {});
  for (let turns = 0; await Promise.race([ended.then(() => false), pause().then(() => true)]);) {
    ok(++turns < 3_000, "the run doesn't end");
    at.clock.advance(turns < 200 ? 5 : 500);
  }
  // What is still on its way arrives.
  for (let turns = 0; turns < 10; turns++) {
    await pause();
    at.clock.advance(30);
  }
  const sent = [];
  for (const { text, receipt } of sends) {
    sent.push({ text, outcome: await outcomeOf(receipt, failures[0]) });
  }
  if (run.end?.by !== "delete" || content === "") content = await at.server.content("s");
  return { stored: messagesIn(content, isJson), sent, failures, producer };
}

async function end(
  at: ProducerFixture,
  run: Run,
  by: NonNullable<Run["end"]>["by"],
  controller: AbortController,
): Promise<RequestOutcome> {
  if (by === "close") await at.client.close("s");
  if (by === "abort") controller.abort("aborted");
  if (by === "refuse") return { status: 400 };
  if (by === "delete") {
    await at.server.delete("s");
    await at.server.make("s", { "content-type": run.contentType });
  }
  if (by === "fence") {
    const body = isJsonType(run.contentType) ? '"<fence>"' : "<fence>";
    const headers = { "content-type": run.contentType, ...producerHeaders("p", 1, 0) };
    ok((await at.server.post("s", headers, body)).ok);
  }
  return "pass";
}

/** In the clock's time; a request that is given up on its way arrives all the same. */
function sleep(at: ProducerFixture, ms: number): Promise<void> {
  if (ms === 0) return Promise.resolve();
  return new Promise((resolve) => at.clock.setTimer(ms, resolve));
}

/** Lets run what doesn't wait for the clock. */
async function pause(): Promise<void> {
  for (let turns = 0; turns < 4; turns++) await yieldToEventLoop();
}

async function outcomeOf(receipt: Promise<Receipt>, failure: unknown): Promise<MessageOutcome> {
  try {
    await (await receipt).stored;
    return "stored";
  } catch (error) {
    if (error === "aborted") return "aborted";
    if (error === failure) return "refused";
    ok(error instanceof ClientError, `${error}`);
    ok(error.undelivered !== undefined);
    equal(error.undelivered.lost + error.undelivered.unknown, 1);
    return error.undelivered.lost === 1 ? "lost" : "unknown";
  }
}

function messagesIn(content: string, isJson: boolean): string[] {
  const messages: string[] = isJson ? JSON.parse(content) : content.match(/<[^>]*>/g) ?? [];
  return messages.filter((text) => text !== "<fence>");
}

Deno.test("through any failures that pass, every message is stored once and in order", async () => {
  await fc.assert(
    fc.asyncProperty(runs(fc.constant(undefined)), async (run) => {
      const { stored, sent, failures } = await play(run);
      equal(failures, []);
      equal(stored, sent.map(({ text }) => text));
      ok(sent.every(({ outcome }) => outcome === "stored"));
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("when it fails, what is stored, lost and unknown is as it says", async () => {
  const counts = { stored: 0, lost: 0, unknown: 0, aborted: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(
      runs(fc.record({
        at: fc.nat({ max: 12 }),
        by: fc.constantFrom("close", "fence", "delete", "abort", "refuse"),
      })),
      async (run) => {
        const { stored, sent, failures, producer } = await play(run);
        for (const { outcome } of sent) counts[outcome]++;
        ok(failures.length <= 1);
        if (run.end?.by !== "delete") {
          // What is stored is a beginning of what was sent.
          equal(stored, sent.slice(0, stored.length).map(({ text }) => text));
        }
        // A copy that something on the way made is refused where somebody closed the stream, or took
        // the producer over, after the first was stored. The refusal doesn't say so: such a batch is
        // taken for lost.
        const mayBeWrong = (run.end?.by === "close" || run.end?.by === "fence") &&
          run.outcomes.some(({ outcome }) => outcome === "duplicate");
        const inStream = new Set(stored);
        for (const { text, outcome } of sent) {
          if (outcome === "stored" && run.end?.by !== "delete") {
            ok(inStream.has(text), `${text} resolved and is not there`);
          }
          if (outcome === "refused" || (outcome === "lost" && !mayBeWrong)) {
            ok(!inStream.has(text), `${text} is lost and there`);
          }
        }
        const { undelivered } = producer;
        if (undelivered === undefined || run.end?.by === "abort") return;
        equal(undelivered, {
          lost: sent.filter(({ outcome }) => outcome === "lost").length,
          unknown: sent.filter(({ outcome }) => outcome === "unknown").length,
        });
      },
    ),
    { numRuns: 1_000 },
  );
  // The property says something only where all of this happens; a refused message is rare.
  for (const outcome of ["stored", "lost", "unknown", "aborted"] as const) {
    ok(counts[outcome] > 0, `no message was ${outcome}`);
  }
});
