import { deepStrictEqual as equal, throws } from "node:assert";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { StreamError } from "../../../../src/protocol/errors.ts";
import {
  type AppendAnswer,
  decodeAppendAnswer,
  decodeAppendCall,
  encodeAppendAnswer,
  encodeAppendCall,
} from "../../../../src/storage/nats/streams/forward_wire.ts";
import { sealFrame } from "../../../../src/storage/nats/format/binary.ts";
import { hex } from "../../../support/hex.ts";

const CALL = {
  frontEnd: 258,
  call: 3,
  name: "é",
  id: 4,
  sinceSequence: 5,
  requests: [{ contentType: "a/b", body: encodeUtf8("hey") }],
};

const ANSWER: AppendAnswer = {
  sequence: 6,
  hint: 7,
  isContended: true,
  outcomes: [
    { kind: "not_taken" },
    {
      kind: "appended",
      appended: {
        space: 1,
        tail: 2,
        closed: false,
        duplicate: true,
        producer: { epoch: 3, seq: 4 },
      },
    },
    { kind: "unknown" },
    ...([
      { code: "stream_closed", space: 1, tail: 2, producer: { epoch: 3, seq: 4 } },
      { code: "stream_closed", space: 1, tail: 2 },
      { code: "sequence_regression", space: 1, tail: 2 },
      { code: "offset_mismatch", space: 1, tail: 2 },
      { code: "stale_epoch", epoch: 2 },
      { code: "sequence_gap", expected: 2, received: 3 },
      { code: "content_type_mismatch" },
    ] as const).map((failure) => ({
      kind: "refused" as const,
      error: new StreamError(failure, "So it is."),
    })),
  ],
};

Deno.test("a call with appends has its golden bytes", () => {
  equal(
    encodeAppendCall(CALL),
    hex`
      d5 01 60 00 28 88 a5 45  // mark, version, kind: a call, flags, CRC
      02 01 00 00 00 00 00 00  // the sender
      03 00 00 00 00 00 00 00  // which one of its calls
      04 00 00 00 00 00 00 00  // the stream's id
      05 00 00 00 00 00 00 00  // it knows all of its own up to here
      02 00 00 00 c3 a9        // the stream's name
      3a 00 00 00              // bytes of the requests, as remote/append_wire.ts writes them
      00 00 00 00 02 00 00 00 03 00 00 00 00 00 00 00 03 00 00 00
      00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
      00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
      61 2f 62 68 65 79
    `,
  );
});

Deno.test("an answer has its golden bytes", () => {
  const appended = { space: 1, tail: 2, closed: false, duplicate: true, producer: undefined };
  const outcomes = [
    { kind: "not_taken" },
    { kind: "appended", appended },
    { kind: "unknown" },
  ] as const;
  equal(
    encodeAppendAnswer({ sequence: 6, hint: 7, isContended: true, outcomes }),
    hex`
      d5 01 61 01 cc 8d dc 27  // mark, version, kind: an answer, flags: others append, too; CRC
      06 00 00 00 00 00 00 00  // the newest message with what was sent
      07 00 00 00 00 00 00 00  // who would rather take it
      03 00 00 00              // outcomes
      1c 00 00 00 7b 22 72 65 66 75 73 65 64 22 3a 5b 5d 2c 22
      75 6e 6b 6e 6f 77 6e 22 3a 5b 32 5d 7d  // {"refused":[],"unknown":[2]}
      25 00 00 00              // bytes of those that were appended
      01 00 00 00 02 00 00 00 00 00 00 00 40 00 00 00 00 00 00 00 00
      00 00 00 00 00 00 00 00 00 00 00 00 00 00 f0 3f
    `,
  );
});

Deno.test("what is sent comes back", () => {
  const call = decodeAppendCall(encodeAppendCall(CALL));
  equal(
    { ...call, requests: call.requests.map(({ body, contentType }) => ({ body, contentType })) },
    { ...CALL, requests: [{ body: encodeUtf8("hey"), contentType: "a/b" }] },
  );
  const answer = decodeAppendAnswer(encodeAppendAnswer(ANSWER), ANSWER.outcomes.length);
  const plain = ({ outcomes, ...rest }: AppendAnswer) => ({
    ...rest,
    outcomes: outcomes.map((each) =>
      each.kind === "refused" ? [each.error.failure, each.error.message] : each
    ),
  });
  equal(plain(answer), plain(ANSWER));
});

Deno.test("a call or an answer of which any byte is missing, and one for another call, is none", () => {
  const call = encodeAppendCall(CALL);
  for (let i = 0; i < call.length; i++) throws(() => decodeAppendCall(call.subarray(0, i)));
  const answer = encodeAppendAnswer(ANSWER);
  for (let i = 0; i < answer.length; i++) {
    throws(() => decodeAppendAnswer(answer.subarray(0, i), ANSWER.outcomes.length));
  }
  throws(() => decodeAppendAnswer(answer, 1));
  throws(() => decodeAppendCall(answer));
});

Deno.test("a call or an answer with a flag that isn't known is none: it may mean anything", () => {
  const withFlag = (bytes: Uint8Array<ArrayBuffer>, at: number, flag: number) => {
    const changed = bytes.slice();
    changed[at] = (changed[at] ?? 0) | flag;
    return sealFrame(changed);
  };
  const call = encodeAppendCall(CALL);
  const answer = encodeAppendAnswer(ANSWER);
  for (const flag of [1, 2, 128]) throws(() => decodeAppendCall(withFlag(call, 3, flag)), /flags/);
  throws(() => decodeAppendAnswer(withFlag(answer, 3, 2), ANSWER.outcomes.length), /flags/);
  // Of the first request: behind the frame's head, four numbers, the name, and how long all of them are.
  throws(() => decodeAppendCall(withFlag(call, 8 + 4 * 8 + 6 + 4 + 4, 128)), /flags/);
});
