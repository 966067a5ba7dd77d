import { deepStrictEqual as equal } from "node:assert";
import { encodeUtf8, NO_BYTES } from "../../src/protocol/bytes.ts";
import type { Appended } from "../../src/storage/storage.ts";
import { rejectsWith } from "../support/expect.ts";
import { type It, type Subject, TEXT } from "./kit.ts";

/** Idempotent producers (PROTOCOL §5.2.1). */
export function describeProducers(it: It): void {
  const send = (
    { storage }: Subject,
    epoch: number,
    seq: number,
    text: string,
    id = "p",
  ): Promise<Appended> =>
    storage.append("s", {
      contentType: TEXT,
      body: encodeUtf8(text),
      producer: { id, epoch, seq },
    });

  const itWithStream = (title: string, run: (subject: Subject) => Promise<void>) =>
    it(title, async (subject) => {
      await subject.storage.create("s", { contentType: TEXT });
      await run(subject);
    }, { maxProducersPerStream: 3 });

  itWithStream("a producer's batches in order are taken", async (subject) => {
    const { space } = await subject.storage.head("s");
    const { producer, ...appended } = await send(subject, 0, 0, "a");
    equal(appended, { space, tail: 1, closed: false, duplicate: false });
    equal([producer?.epoch, producer?.seq], [0, 0]);
    await send(subject, 0, 1, "b");
    equal(await subject.streams.all("s"), "ab");
  });

  itWithStream("a producer's batch sent again is a duplicate", async (subject) => {
    const { space } = await send(subject, 0, 0, "a");
    await send(subject, 0, 1, "b");
    equal(await send(subject, 0, 1, "b"), {
      space,
      tail: 2,
      closed: false,
      duplicate: true,
      producer: { epoch: 0, seq: 1 },
    });
    equal((await send(subject, 0, 0, "other")).producer, { epoch: 0, seq: 1 });
    equal(await subject.streams.all("s"), "ab");
  });

  itWithStream(
    "a producer's batch sent again while the first is under way is a duplicate",
    async (subject) => {
      const answers = await Promise.all([1, 2, 3].map(() => send(subject, 0, 0, "once")));
      equal(answers.map(({ duplicate }) => duplicate).sort(), [false, true, true]);
      equal(await subject.streams.all("s"), "once");
    },
  );

  itWithStream("a gap in a producer's sequence is refused", async (subject) => {
    const gap = (expected: number, received: number) =>
      ({ code: "sequence_gap", expected, received }) as const;
    await rejectsWith(send(subject, 0, 1, "x"), gap(0, 1));
    await send(subject, 0, 0, "a");
    await rejectsWith(send(subject, 0, 2, "x"), gap(1, 2));
    equal(await subject.streams.all("s"), "a");
  });

  itWithStream("a producer's epochs go up and begin at zero", async (subject) => {
    await send(subject, 1, 0, "a");
    await rejectsWith(send(subject, 0, 1, "x"), { code: "stale_epoch", epoch: 1 });
    await rejectsWith(send(subject, 2, 1, "x"), "epoch_start");
    await send(subject, 3, 0, "b");
    await rejectsWith(send(subject, 1, 1, "x"), { code: "stale_epoch", epoch: 3 });
    await send(subject, 3, 1, "c");
    equal(await subject.streams.all("s"), "abc");
  });

  itWithStream("producers are independent", async (subject) => {
    await send(subject, 0, 0, "a", "p");
    await send(subject, 5, 0, "b", "q");
    await send(subject, 0, 1, "c", "p");
    await send(subject, 5, 1, "d", "q");
    await send(subject, 0, 0, "e", "P");
    equal(await subject.streams.all("s"), "abcde");
  });

  itWithStream("the producers of a stream are limited in number", async (subject) => {
    for (const id of ["p", "q", "r"]) await send(subject, 0, 0, id, id);
    await rejectsWith(send(subject, 0, 0, "x", "t"), "too_many_producers");
    await send(subject, 0, 1, "p", "p");
    equal(await subject.streams.all("s"), "pqrp");
  });

  itWithStream(
    "a producer is refused before Stream-Seq is looked at, and its duplicate found",
    async (subject) => {
      const { storage, streams } = subject;
      const batch = (seq: number, streamSeq: string) =>
        storage.append("s", {
          contentType: TEXT,
          body: encodeUtf8("x"),
          producer: { id: "p", epoch: 0, seq },
          seq: streamSeq,
        });
      await batch(0, "b");
      equal((await batch(0, "b")).duplicate, true);
      await rejectsWith(batch(1, "a"), "sequence_regression");
      await batch(1, "c");
      equal(await streams.all("s"), "xx");
    },
  );

  itWithStream("a producer that closed may try again", async (subject) => {
    const { storage } = subject;
    const last = { contentType: TEXT, body: encodeUtf8("end"), close: true };
    const producer = { id: "p", epoch: 0, seq: 0 };
    await storage.append("s", { ...last, producer });
    const again = await storage.append("s", { ...last, producer });
    equal([again.duplicate, again.closed, again.tail], [true, true, 3]);
    const { space } = again;
    await rejectsWith(send(subject, 0, 1, "x"), {
      code: "stream_closed",
      space,
      tail: 3,
      producer: { epoch: 0, seq: 0 },
    });
    await rejectsWith(send(subject, 0, 0, "x", "q"), { code: "stream_closed", space, tail: 3 });
  });

  itWithStream("a producer may close without content", async (subject) => {
    const { storage } = subject;
    await send(subject, 2, 0, "a");
    const close = { body: NO_BYTES, close: true, producer: { id: "p", epoch: 2, seq: 1 } };
    equal((await storage.append("s", close)).closed, true);
    equal((await storage.append("s", close)).duplicate, true);
    await rejectsWith(
      storage.append("s", { ...close, producer: { id: "p", epoch: 1, seq: 5 } }),
      { code: "stale_epoch", epoch: 2 },
    );
  });

  itWithStream("the greatest epoch is taken", async (subject) => {
    const { producer } = await send(subject, Number.MAX_SAFE_INTEGER, 0, "a");
    equal([producer?.epoch, producer?.seq], [Number.MAX_SAFE_INTEGER, 0]);
  });

  itWithStream("a producer of the same id on another stream is another one", async (subject) => {
    const { storage, streams } = subject;
    await send(subject, 3, 0, "a");
    await storage.create("t", { contentType: TEXT });
    const producer = { id: "p", epoch: 0, seq: 0 };
    await storage.append("t", { contentType: TEXT, body: encodeUtf8("b"), producer });
    equal([await streams.all("s"), await streams.all("t")], ["a", "b"]);
  });

  itWithStream("batches sent in order and all at once are taken in that order", async (subject) => {
    await Promise.all(
      Array.from({ length: 10 }, (_, seq) => send(subject, 0, seq, String(seq))),
    );
    equal(await subject.streams.all("s"), "0123456789");
  });

  itWithStream(
    "a duplicate is one whatever its Stream-Seq and expected offset are by now",
    async ({ storage, streams }) => {
      const batch = {
        contentType: TEXT,
        body: encodeUtf8("x"),
        producer: { id: "p", epoch: 0, seq: 0 },
        seq: "1",
        expectedTail: 0,
      };
      await storage.append("s", batch);
      await storage.append("s", { contentType: TEXT, body: encodeUtf8("y"), seq: "2" });
      equal((await storage.append("s", batch)).duplicate, true);
      equal(await streams.all("s"), "xy");
    },
  );
}
