import { deepStrictEqual as equal } from "node:assert";
import type { Producer } from "../../../src/client/producer/producer.ts";
import type { ProducerOptions } from "../../../src/client/producer/options.ts";
import type { Fields } from "../../support/fixture.ts";
import { OtherServer, type Reply, reply } from "./other_server.ts";

function producing(replies: Reply[], options: Partial<ProducerOptions> = {}) {
  const server = new OtherServer(replies);
  const producer = server.client.producer("s", {
    id: "p",
    contentType: "text/plain",
    lingerMs: Infinity,
    maxInFlight: 1,
    ...options,
  });
  /** `epoch/seq body` of every append. */
  const sent = () =>
    server.asked.map(({ headers, body }) =>
      `${headers.get("producer-epoch")}/${headers.get("producer-seq")} ${body}`
    );
  return { server, producer, sent };
}

/** Sends each text as a batch of its own. */
async function sendAll(producer: Producer, ...texts: string[]): Promise<void> {
  for (const text of texts) {
    await producer.send(text);
    await producer.flush();
  }
}

function refusal(status: number, headers: Fields = {}): Response {
  return new Response(null, { status, headers });
}

const STALE = (epoch: number) => refusal(403, { "producer-epoch": String(epoch) });
const GAP = (expected: number, received: number) =>
  refusal(409, {
    "producer-expected-seq": String(expected),
    "producer-received-seq": String(received),
  });

Deno.test("PROTOCOL §5.2.1: a batch has all three headers, from epoch 0 and sequence number 0 on", async () => {
  const { server, producer, sent } = producing([reply(200, "b"), reply(200, "c")]);
  await server.run(sendAll(producer, "x", "y"));
  equal(sent(), ["0/0 x", "0/1 y"]);
  equal(server.asked.map(({ headers }) => headers.get("producer-id")), ["p", "p"]);
});

Deno.test("PROTOCOL §5.2.1: 200 and 204 both mean that it is stored, with or without the echoes", async () => {
  const { server, producer } = producing([
    reply(200, "b", { "producer-epoch": "0", "producer-seq": "0" }),
    reply(204, "b"),
    reply(204, "c", { "producer-seq": "5" }),
  ], { seq: 4 });
  await server.run(sendAll(producer, "x", "y", "z"));
  equal([producer.offset, producer.seq], ["c", 7]);
});

Deno.test("PROTOCOL §5.2.1: what got no response is sent again, the same with the same numbers", async () => {
  const { server, producer, sent } = producing([
    new TypeError("reset"),
    refusal(500),
    refusal(503, { "retry-after": "2" }),
    reply(204, "b"),
  ]);
  await server.run(sendAll(producer, "x"));
  equal(sent(), ["0/0 x", "0/0 x", "0/0 x", "0/0 x"]);
});

Deno.test("PROTOCOL §5.2.1: a producer that was restarted begins its epoch with sequence number 0", async () => {
  const { server, producer, sent } = producing([reply(200, "b")], { epoch: 3 });
  await server.run(sendAll(producer, "x"));
  equal(sent(), ["3/0 x"]);
});

Deno.test("PROTOCOL §5.2.1: 403 with Producer-Epoch is final: another one has taken over", async () => {
  const { server, producer } = producing([reply(200, "b"), STALE(7)]);
  const error = await server.failed(sendAll(producer, "x", "y"), "stale_epoch");
  equal([error.epoch, error.status, error.undelivered], [7, 403, { lost: 1, unknown: 0 }]);
});

Deno.test("PROTOCOL §5.2.1: 403 without Producer-Epoch is about permissions, not about epochs", async () => {
  const { server, producer } = producing([refusal(403)], { autoClaim: true });
  await server.failed(sendAll(producer, "x"), "forbidden");
});

Deno.test("PROTOCOL §5.2.1: autoClaim takes the epoch after the server's, from sequence number 0", async () => {
  const { server, producer, sent } = producing([STALE(5), reply(200, "b"), reply(200, "c")], {
    autoClaim: true,
  });
  await server.run(sendAll(producer, "x", "y"));
  equal(sent().slice(1), ["6/0 x", "6/1 y"]);
  equal(producer.epoch, 6);
});

Deno.test("PROTOCOL §5.2.1: batches don't overtake the one that claims", async () => {
  const { server, producer, sent } = producing(
    [STALE(5), reply(200, "b"), reply(200, "c"), reply(200, "d")],
    { autoClaim: true, maxInFlight: 4, maxBatchMessages: 1 },
  );
  const all = async () => {
    for (const text of ["x", "y", "z"]) await producer.send(text);
    await producer.close();
  };
  await server.run(all());
  equal(sent().slice(1).toSorted(), ["6/0 x", "6/1 y", "6/2 z"]);
});

/** What servers say to a producer that they don't know and that doesn't begin with 0. */
const UNKNOWN: Readonly<Record<string, () => Response>> = {
  "a gap": () => GAP(0, Number.MAX_SAFE_INTEGER),
  "400, as for any new epoch": () => refusal(400),
};

for (const [what, answer] of Object.entries(UNKNOWN)) {
  Deno.test(`PROTOCOL §5.2.1: autoClaim begins with 0/0 where the server says ${what} to an unknown producer`, async () => {
    const { server, producer, sent } = producing(
      [answer(), reply(200, "b"), reply(200, "c")],
      { autoClaim: true },
    );
    await server.run(sendAll(producer, "x", "y"));
    equal(sent().slice(-2), ["0/0 x", "0/1 y"]);
  });
}

Deno.test("PROTOCOL §5.2.1: autoClaim loses nothing to a server that takes any first number", async () => {
  const { server, producer, sent } = producing(
    [reply(200, "b"), reply(200, "c"), reply(200, "d")],
    { autoClaim: true },
  );
  await server.run(sendAll(producer, "x", "y", "z"));
  equal(sent().slice(1), ["1/0 y", "1/1 z"]);
});

Deno.test("PROTOCOL §5.2.1: a request that is bad for another reason stays so with autoClaim", async () => {
  const { server, producer } = producing([refusal(400), refusal(400)], { autoClaim: true });
  const error = await server.failed(sendAll(producer, "x"), "bad_request");
  equal(error.undelivered, { lost: 1, unknown: 0 });
});

Deno.test("PROTOCOL §5.2.1: without autoClaim no epoch is claimed", async () => {
  const { server, producer, sent } = producing([STALE(5)]);
  await server.failed(sendAll(producer, "x"), "stale_epoch");
  equal(sent(), ["0/0 x"]);
});

Deno.test("PROTOCOL §5.2.1: a batch that overtook others waits for them and is sent again", async () => {
  const { server, producer, sent } = producing(
    [
      reply(200, "b"),
      new TypeError("reset"),
      GAP(1, 2),
      reply(200, "c"),
      reply(200, "d"),
    ],
    { maxInFlight: 2, maxBatchMessages: 1 },
  );
  const all = async () => {
    await producer.send("x");
    await producer.flush();
    await producer.send("y");
    await producer.send("z");
    await producer.close();
  };
  await server.run(all());
  equal(sent(), ["0/0 x", "0/1 y", "0/2 z", "0/1 y", "0/2 z"]);
});

Deno.test("PROTOCOL §5.2.1: a gap before what was acknowledged is final", async () => {
  const { server, producer } = producing([reply(200, "b"), reply(200, "c"), GAP(1, 2)]);
  const error = await server.failed(sendAll(producer, "x", "y", "z"), "sequence_gap");
  equal([error.expectedSeq, error.undelivered], [1, { lost: 1, unknown: 0 }]);
});

Deno.test("PROTOCOL §5.2.1: 400 for an epoch that doesn't begin at 0 is final", async () => {
  const { server, producer } = producing([refusal(400)], { epoch: 2, seq: 5 });
  await server.failed(sendAll(producer, "x"), "bad_request");
});

Deno.test("PROTOCOL §5.2.1: the close goes with the last batch, and again with the same numbers", async () => {
  const closed = { "stream-closed": "true" };
  const { server, producer, sent } = producing([
    new TypeError("reset"),
    reply(204, "b", closed),
  ]);
  const all = async () => {
    await producer.send("x");
    return await producer.closeStream();
  };
  equal((await server.run(all())).offset, "b");
  equal(sent(), ["0/0 x", "0/0 x"]);
  equal(server.asked.map(({ headers }) => headers.get("stream-closed")), ["true", "true"]);
});

Deno.test("PROTOCOL §5.2.1: a close without a batch has numbers and no body", async () => {
  const { server, producer, sent } = producing([
    reply(200, "b"),
    reply(204, "b", { "stream-closed": "true" }),
  ]);
  const all = async () => {
    await producer.send("x");
    await producer.flush();
    await producer.closeStream();
  };
  await server.run(all());
  equal(sent(), ["0/0 x", "0/1 "]);
});

Deno.test("PROTOCOL §5.2.1: a stream that was closed meanwhile is final, and the error names its end", async () => {
  const { server, producer } = producing([
    reply(200, "b"),
    refusal(409, { "stream-closed": "true", "stream-next-offset": "t" }),
  ]);
  const error = await server.failed(sendAll(producer, "x", "y"), "stream_closed");
  equal([error.offset, error.undelivered], ["t", { lost: 1, unknown: 0 }]);
});

Deno.test("PROTOCOL §5.2.1: what got no response before the stream was closed is unknown, not lost", async () => {
  const { server, producer } = producing([
    reply(200, "b"),
    new TypeError("reset"),
    refusal(409, { "stream-closed": "true" }),
  ]);
  const error = await server.failed(sendAll(producer, "x", "y"), "stream_closed");
  equal(error.undelivered, { lost: 0, unknown: 1 });
});

for (const status of [404, 410, 413, 405, 401] as const) {
  Deno.test(`PROTOCOL §5.2: ${status} ends a producer at once`, async () => {
    const { server, producer, sent } = producing([refusal(status)]);
    const sending = sendAll(producer, "x");
    const error = await server.run(sending.then(() => undefined, (error: unknown) => error));
    equal(Reflect.get(Object(error), "status"), status);
    equal(sent(), ["0/0 x"]);
  });
}
