import { deepEqual, equal } from "node:assert/strict";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import type { PublishOutcome } from "../../../../src/storage/nats/jetstream.ts";
import { outcomeOfAnswer } from "../../../../src/storage/nats/connection/publish_answer.ts";

/** What answers to a publish say of whether the message is stored. */

Deno.test("an answer with a sequence says that the message is stored", () => {
  const stored = { kind: "stored", sequence: 17 };
  deepEqual(outcomeOfText('{"stream":"L","seq":17}'), stored);
  deepEqual(outcomeOfText('{"stream":"L", "seq":17,"duplicate": true}'), stored);
  deepEqual(outcomeOfText('{"stream":"L","seq":17,"domain":"d"}'), stored);
  deepEqual(outcomeOfText('{"stream":"L", "seq": 17}'), stored);
  const { MAX_SAFE_INTEGER } = Number;
  deepEqual(outcomeOfText(`{"stream":"L","seq":${MAX_SAFE_INTEGER}}`), {
    kind: "stored",
    sequence: MAX_SAFE_INTEGER,
  });
  deepEqual(outcomeOfText('{"seq":17,"stream":"L","batch":"x","count":2}'), stored);
});

Deno.test("a lost race says how far the subject is, where the server knows", () => {
  deepEqual(outcomeOfText(answer(400, 10071, "wrong last sequence: 12")), {
    kind: "refused",
    lastSequence: 12,
  });
  const refused = { kind: "refused", lastSequence: undefined };
  deepEqual(outcomeOfText(answer(400, 10164, "wrong last sequence")), refused);
});

/** Errors by what they mean. */
const ERRORS = {
  full: [
    [503, 10077, "maximum bytes exceeded"],
    [503, 10077, "maximum messages exceeded"],
    [503, 10023, "insufficient resources"],
    [500, 10047, "insufficient storage resources available"],
    [400, 10002, "resource limits exceeded for account"],
  ],
  unavailable: [
    [503, 10008, "JetStream system temporarily unavailable"],
    [503, 10076, "JetStream not enabled"],
    [429, 10167, "too many requests"],
    [400, 10176, "atomic publish batch is incomplete"],
    [429, 10210, "atomic publish too many inflight"],
  ],
  rejected: [
    [400, 10054, "message size exceeds maximum allowed"],
    [400, 10165, "invalid per-message TTL"],
  ],
  unknown: [
    // The leader couldn't write what its followers may have written.
    [503, 10077, "write /store: no space left on device"],
    [500, 10041, "some error of RAFT"],
  ],
} as const;

for (const [kind, errors] of Object.entries(ERRORS)) {
  for (const [status, code, description] of errors) {
    Deno.test(`the error ${code} with "${description}" makes an outcome ${kind}`, () => {
      const outcome = outcomeOfText(answer(status, code, description));
      deepEqual(outcome, { kind, reason: `${description} (${code})` });
    });
  }
}

Deno.test("what is no answer of JetStream says nothing", () => {
  for (const text of ["", "+OK", "{}", "[]", '{"stream":"L","seq":0}', "null"]) {
    equal(outcomeOfText(text).kind, "unknown");
  }
});

Deno.test("an answer that was cut off says nothing", () => {
  const whole = '{"stream":"L","seq":17}';
  for (let length = 0; length < whole.length; length++) {
    equal(outcomeOfText(whole.slice(0, length)).kind, "unknown");
  }
});

function outcomeOfText(text: string): PublishOutcome {
  return outcomeOfAnswer(encodeUtf8(text));
}

function answer(code: number, errCode: number, description: string): string {
  return JSON.stringify({ error: { code, err_code: errCode, description }, stream: "L", seq: 0 });
}
