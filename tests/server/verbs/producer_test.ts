import { equal } from "node:assert/strict";
import {
  CLOSE,
  expectError,
  Fixture,
  type FixtureOptions,
  JSON_TYPE,
  producer,
  TEXT,
} from "../../support/fixture.ts";

/** PROTOCOL §5.2.1, row by row. */

const ID = "order-service-1";

/** A stream whose producer is at this epoch and sequence number, with one byte for each batch. */
async function withProducer(
  epoch: number,
  seq: number,
  options?: FixtureOptions,
): Promise<Fixture> {
  const served = new Fixture(options);
  await served.make("a", TEXT);
  for (let i = 0; i <= seq; i++) {
    equal((await served.post("a", { ...TEXT, ...producer(ID, epoch, i) }, "x")).status, 200);
  }
  return served;
}

function send(served: Fixture, epoch: number, seq: number, body = "y"): Promise<Response> {
  return served.post("a", { ...TEXT, ...producer(ID, epoch, seq) }, body);
}

function checkPosition(answer: Response, epoch: number, seq: number): void {
  equal(answer.headers.get("producer-epoch"), String(epoch));
  equal(answer.headers.get("producer-seq"), String(seq));
}

Deno.test("the first batch, epoch 0 and sequence 0: 200, appended", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const answer = await send(served, 0, 0);
  equal(answer.status, 200);
  checkPosition(answer, 0, 0);
  equal(answer.headers.get("stream-next-offset"), served.offset(1));
});

Deno.test("the first batch with a sequence other than 0: 409, 0 is expected", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const answer = await send(served, 0, 2);
  equal(answer.headers.get("producer-expected-seq"), "0");
  equal(answer.headers.get("producer-received-seq"), "2");
  await expectError(answer, 409, "sequence_gap", /Producer-Seq 2 .*expected 0/);
});

Deno.test("the same sequence again: 204 with the tail, nothing appended", async () => {
  const served = await withProducer(0, 1);
  const answer = await send(served, 0, 1);
  equal(answer.status, 204);
  checkPosition(answer, 0, 1);
  equal(answer.headers.get("stream-next-offset"), served.offset(2));
  equal(await served.content("a"), "xx");
});

Deno.test("an earlier sequence again: 204 with the highest accepted sequence", async () => {
  const served = await withProducer(0, 3);
  const answer = await send(served, 0, 1);
  equal(answer.status, 204);
  checkPosition(answer, 0, 3);
  equal(await served.content("a"), "xxxx");
});

Deno.test("a sequence that leaves a gap: 409 with what is expected and what came", async () => {
  const served = await withProducer(0, 1);
  const answer = await send(served, 0, 5);
  equal(answer.headers.get("producer-expected-seq"), "2");
  equal(answer.headers.get("producer-received-seq"), "5");
  equal(answer.headers.get("stream-closed"), null);
  await expectError(answer, 409, "sequence_gap", /Producer-Seq 5 of producer .*gap: expected 2/);
  equal(await served.content("a"), "xx");
  equal((await send(served, 0, 2)).status, 200);
});

Deno.test("a stale epoch: 403 with the current one, and a zombie writes nothing", async () => {
  const served = await withProducer(5, 0);
  for (const seq of [0, 1, 9]) {
    const answer = await send(served, 4, seq);
    equal(answer.headers.get("producer-epoch"), "5");
    await expectError(answer, 403, "stale_epoch", /Producer-Epoch 4 .*stale: the current one is 5/);
  }
  equal(await served.content("a"), "x");
});

Deno.test("a new epoch at sequence 0: 200, and the old one is fenced", async () => {
  const served = await withProducer(0, 2);
  const answer = await send(served, 1, 0);
  equal(answer.status, 200);
  checkPosition(answer, 1, 0);
  equal((await send(served, 0, 3)).status, 403);
  equal((await send(served, 1, 1)).status, 200);
});

Deno.test("a new epoch at another sequence: 400, and the epoch isn't taken", async () => {
  const served = await withProducer(0, 2);
  const answer = await send(served, 1, 3);
  await expectError(
    answer,
    400,
    "epoch_start",
    /Producer-Seq 3 can't open epoch 1.*starts at sequence 0/,
  );
  equal((await send(served, 0, 3)).status, 200);
});

Deno.test("a refused batch doesn't move the sequence", async () => {
  const served = new Fixture();
  await served.make("a", JSON_TYPE);
  const headers = { ...JSON_TYPE, ...producer(ID, 0, 0) };
  equal((await served.post("a", headers, "{")).status, 400);
  equal((await served.post("a", { ...TEXT, ...producer(ID, 0, 0) }, "1")).status, 409);
  equal((await served.post("a", headers, "1")).status, 200);
});

Deno.test("a batch that closes: 200 and closed; its retry: 204 and closed", async () => {
  const served = await withProducer(0, 0);
  const headers = { ...TEXT, ...CLOSE, ...producer(ID, 0, 1) };
  for (const status of [200, 204]) {
    const answer = await served.post("a", headers, "y");
    equal(answer.status, status);
    equal(answer.headers.get("stream-closed"), "true");
    equal(answer.headers.get("stream-next-offset"), served.offset(2));
    checkPosition(answer, 0, 1);
  }
  equal(await served.content("a"), "xy");
});

Deno.test("a producer's close-only: 204 and closed; its retry, too", async () => {
  const served = await withProducer(0, 0);
  for (let i = 0; i < 2; i++) {
    const answer = await served.post("a", { ...CLOSE, ...producer(ID, 0, 1) });
    equal(answer.status, 204);
    equal(answer.headers.get("stream-closed"), "true");
    equal(answer.headers.get("stream-next-offset"), served.offset(1));
    checkPosition(answer, 0, 1);
  }
});

Deno.test("a producer's close-only that is a duplicate batch doesn't close", async () => {
  const served = await withProducer(0, 1);
  const answer = await served.post("a", { ...CLOSE, ...producer(ID, 0, 1) });
  equal(answer.status, 204);
  equal(answer.headers.get("stream-closed"), null);
});

Deno.test("a producer's close-only with a gap or a stale epoch doesn't close", async () => {
  const served = await withProducer(1, 0);
  equal((await served.post("a", { ...CLOSE, ...producer(ID, 1, 5) })).status, 409);
  equal((await served.post("a", { ...CLOSE, ...producer(ID, 0, 1) })).status, 403);
  equal((await served.head("a")).headers.get("stream-closed"), null);
});

Deno.test("a new batch of a producer on a closed stream: 409 with Stream-Closed and the tail", async () => {
  const served = await withProducer(0, 0);
  await served.append("a", CLOSE, undefined);
  for (const [id, seq] of [[ID, 1], ["other", 0]] as const) {
    const answer = await served.post("a", { ...TEXT, ...producer(id, 0, seq) }, "y");
    equal(answer.headers.get("stream-closed"), "true");
    equal(answer.headers.get("stream-next-offset"), served.offset(1));
    await expectError(answer, 409, "stream_closed");
  }
});

Deno.test("the close's sequence from another producer or epoch is no duplicate: 409", async () => {
  const served = await withProducer(0, 0);
  await served.post("a", { ...TEXT, ...CLOSE, ...producer(ID, 0, 1) }, "y");
  for (const [id, epoch, seq] of [["other", 0, 1], [ID, 1, 1], [ID, 0, 2]] as const) {
    const answer = await served.post("a", { ...TEXT, ...producer(id, epoch, seq) }, "y");
    equal(answer.headers.get("stream-closed"), "true");
    await expectError(answer, 409, "stream_closed");
  }
});

const BROKEN: readonly (readonly [string, Record<string, string>, RegExp])[] = [
  ["the id alone", { "producer-id": ID }, /go together.*missing/],
  ["no sequence", { "producer-id": ID, "producer-epoch": "0" }, /go together.*missing/],
  ["no id", { "producer-epoch": "0", "producer-seq": "0" }, /go together.*missing/],
  ["an empty id", { ...producer(ID, 0, 0), "producer-id": "" }, /Producer-Id is empty/],
  [
    "an id of over 1,024 bytes",
    producer("x".repeat(1025), 0, 0),
    /Producer-Id has 1025 bytes: at most 1024/,
  ],
  ...["-1", "+1", "1.5", "1e3", "01", "abc", "", "0x1", "9007199254740992"].flatMap((value) =>
    [
      [
        `epoch "${value}"`,
        { ...producer(ID, 0, 0), "producer-epoch": value },
        /Producer-Epoch ".*" is not an integer from 0 to 2\^53-1/,
      ],
      [
        `sequence "${value}"`,
        { ...producer(ID, 0, 0), "producer-seq": value },
        /Producer-Seq ".*" is not an integer from 0/,
      ],
    ] as const
  ),
];

for (const [title, headers, message] of BROKEN) {
  Deno.test(`producer headers with ${title}: 400, nothing kept`, async () => {
    const served = new Fixture();
    await served.make("a", TEXT);
    const answer = await served.post("a", { ...TEXT, ...headers }, "x");
    await expectError(answer, 400, "invalid_header", message);
    equal(await served.content("a"), "");
    equal((await send(served, 0, 0)).status, 200);
  });
}

Deno.test("one producer more than a stream may have: 429, and the known ones go on", async () => {
  const served = await withProducer(0, 0, { memory: { maxProducersPerStream: 1 } });
  const answer = await served.post("a", { ...TEXT, ...producer("other", 0, 0) }, "y");
  await expectError(answer, 429, "too_many_producers", /1 producers/);
  equal((await send(served, 0, 1)).status, 200);
});
