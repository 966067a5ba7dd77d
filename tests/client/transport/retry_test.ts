import { deepStrictEqual as equal, rejects } from "node:assert";
import { ClientError } from "../../../src/client/errors/client_error.ts";
import { type RetryOptions, withRetry } from "../../../src/client/transport/retry.ts";
import type {
  TransportRequest,
  TransportResponse,
} from "../../../src/client/transport/transport.ts";
import { NO_BYTES } from "../../../src/protocol/bytes.ts";
import type { Fields } from "../../support/fixture.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { drainEventLoop, failed } from "../../support/client/producer_fixture.ts";

type Answer = number | { status: number; headers: Fields } | unknown;

/** Sends a request that is answered so, one after the other, and moves the clock until it is done. */
async function send(
  answers: Answer[],
  parts: Partial<TransportRequest> = {},
  options: RetryOptions = {},
) {
  const clock = new ManualClock();
  const startMs = clock.nowMs();
  const times: number[] = [];
  const transport = withRetry({ clock, random: () => 1, ...options })(() => {
    times.push(clock.nowMs() - startMs);
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (typeof answer === "number") return Promise.resolve(response(answer, {}));
    if (isAnswer(answer)) return Promise.resolve(response(answer.status, answer.headers));
    return Promise.reject(answer);
  });
  const sent = transport({
    method: "POST",
    url: "http://localhost/s",
    headers: {},
    body: undefined,
    signal: undefined,
    timeoutMs: 1_000,
    streaming: false,
    repeatable: true,
    ...parts,
  });
  let isDone = false;
  const done = () => {
    isDone = true;
  };
  sent.then(done, done);
  for (await drainEventLoop(); !isDone; await drainEventLoop()) clock.advance(50);
  return { times, sent, pendingTimers: clock.pendingTimers };
}

function isAnswer(answer: unknown): answer is { status: number; headers: Fields } {
  return typeof answer === "object" && answer !== null && "headers" in answer;
}

function response(status: number, headers: Fields): TransportResponse {
  return { status, headers: new Headers(headers), body: NO_BYTES, stream: undefined };
}

const network = new ClientError("network", "The connection was reset.");
const timeout = new ClientError("timeout", "It took too long.");

Deno.test("what is safe to repeat is sent again until it is answered", async () => {
  const { times, sent } = await send([network, timeout, 500, 502, 503, 504, 408, 425, 204]);
  const { status, repeated } = await sent;
  equal([status, repeated], [204, true]);
  equal(times, [0, 100, 300, 700, 1_500, 3_100, 6_300, 12_700, 22_700]);
});

Deno.test("a response at once is not marked as repeated", async () => {
  const { sent } = await send([204]);
  equal((await sent).repeated, undefined);
});

Deno.test("what isn't safe to repeat is sent once", async () => {
  for (const answer of [network, timeout]) {
    const { times, sent } = await send([answer, 204], { repeatable: false });
    await rejects(sent, (error) => error === answer);
    equal(times, [0]);
  }
  const { times, sent } = await send([503, 204], { repeatable: false });
  equal([(await sent).status, times], [503, [0]]);
});

Deno.test("429 was rejected unread: anything is sent again, and it isn't repeated", async () => {
  const { times, sent } = await send([429, 204], { repeatable: false });
  const { status, repeated } = await sent;
  equal([status, repeated, times], [204, undefined, [0, 100]]);
});

Deno.test("answers that won't change are given at once", async () => {
  for (const status of [400, 403, 404, 409, 410, 413, 501, 505]) {
    const { times, sent } = await send([status, 204]);
    equal([(await sent).status, times], [status, [0]]);
  }
  const own = new Error("no token");
  const { times, sent } = await send([own, 204]);
  await rejects(sent, (error) => error === own);
  equal(times, [0]);
});

Deno.test("Retry-After is honoured", async () => {
  const { times } = await send([{ status: 503, headers: { "retry-after": "5" } }, 204]);
  equal(times, [0, 5_000]);
});

Deno.test("a Retry-After past maxElapsedMs gives up at once", async () => {
  const { times, sent } = await send([{ status: 503, headers: { "retry-after": "61" } }, 204]);
  equal([(await sent).status, times], [503, [0]]);
});

Deno.test("after maxRetries the last response stands", async () => {
  const { times, sent } = await send([503], {}, { maxRetries: 3 });
  const { status, repeated } = await sent;
  equal([status, repeated, times.length], [503, true, 4]);
});

Deno.test("after maxElapsedMs nothing is sent any more", async () => {
  const { times, sent } = await send([network], {}, { maxElapsedMs: 1_000 });
  await failed(sent, "network");
  equal(times, [0, 100, 300, 700]);
});

Deno.test("a caller that retries by itself gets the first response", async () => {
  const { times, sent } = await send([503, 204], { retriedByCaller: true });
  equal([(await sent).status, times], [503, [0]]);
});

Deno.test("an abort ends the wait with its reason", async () => {
  const clock = new ManualClock();
  const controller = new AbortController();
  let attempts = 0;
  const transport = withRetry({ clock })(() => {
    attempts++;
    return Promise.resolve(response(503, {}));
  });
  const sent = transport({
    method: "GET",
    url: "http://localhost/s",
    headers: {},
    body: undefined,
    signal: controller.signal,
    timeoutMs: 1_000,
    streaming: false,
    repeatable: true,
  });
  const rejected = rejects(sent, (reason) => reason === "enough");
  await drainEventLoop();
  controller.abort("enough");
  await rejected;
  clock.advance(60_000);
  await drainEventLoop();
  equal([attempts, clock.pendingTimers], [1, 0]);
});
