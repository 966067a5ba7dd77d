import { deepStrictEqual as equal, ok, rejects } from "node:assert/strict";
import {
  JetStreamError,
  type StoredMessage,
  type StoredNotice,
} from "../../../src/storage/nats/jetstream.ts";
import { sequenceOf, type Tests, textOf } from "./jetstream_kit.ts";

/** What those are told who watch or follow. */
export const FOLLOWING: Tests = {
  "who watches a subject is told of what is stored there by anybody": async (subject) => {
    const other = await subject.kit.connect();
    const before = await subject.put("a", 0);
    const notices: StoredNotice[] = [];
    const end = other.watch(
      subject.log,
      subject.at("a"),
      (notice) => notices.push(notice),
      () => {},
    );
    const sequences = [before];
    const publish = async () => {
      const headers = { "DS-End": String(sequences.length) };
      sequences.push(await subject.put("a", sequences.at(-1) ?? 0, { headers }));
    };
    // From about now on: the first ones may be left out.
    await subject.kit.until(async () => {
      await publish();
      return notices.length > 0;
    }, "the watch has begun");
    const missed = sequences.indexOf(notices[0]?.sequence ?? 0);
    ok(missed > 0);
    await subject.put("b", 0);
    await subject.port.publish(subject.message("a", 0));
    for (let i = 0; i < 3; i++) await publish();
    await subject.kit.until(
      () => notices.at(-1)?.sequence === sequences.at(-1),
      "the newest is told",
    );
    equal(notices.map(({ sequence }) => sequence), sequences.slice(missed));
    equal(
      notices.map(({ previousSequence }) => previousSequence),
      sequences.slice(missed - 1, -1),
    );
    equal(notices.at(-1)?.headers["DS-End"], String(sequences.length - 1));
    end();
    const count = notices.length;
    await publish();
    equal((await subject.newest("a"))?.sequence, sequences.at(-1));
    equal(notices.length, count);
  },

  "what is stored together is told one by one, the first of a subject without a previous one":
    async (subject) => {
      const notices: StoredNotice[] = [];
      subject.port.watch(
        subject.log,
        subject.at("a"),
        (notice) => notices.push(notice),
        () => {},
      );
      const trial: number[] = [];
      subject.port.watch(
        subject.log,
        subject.at("trial"),
        ({ sequence }) => trial.push(sequence),
        () => {},
      );
      let newest = 0;
      await subject.kit.until(async () => {
        newest = await subject.put("trial", newest);
        return trial.length > 0;
      }, "the watches have begun");
      const last = sequenceOf(
        await subject.port.publishTogether([subject.message("a", 0), subject.message("a", 0)]),
      );
      await subject.kit.until(() => notices.length === 2, "both are told");
      equal(
        notices.map(({ sequence, previousSequence }) => [sequence, previousSequence]),
        [[last - 1, 0], [last, last - 1]],
      );
    },

  "who follows a log gets all its messages in order, those to come too": async (subject) => {
    const sequences = [...await subject.putMany("a", 3), ...await subject.putMany("b.c", 3)];
    const found: StoredMessage[] = [];
    const follower = subject.port.follow(
      { log: subject.log, fromSequence: sequences[1] ?? 0 },
      (message) => {
        found.push(message);
      },
    );
    await follower.caughtUp();
    equal(found.map(({ sequence }) => sequence), sequences.slice(1));
    equal(found.map(textOf).at(-1), `b.c${sequences[4]}`);
    const more = await subject.put("b.c", sequences[5] ?? 0);
    await follower.caughtUp();
    equal(found.at(-1)?.sequence, more);
    equal(found.at(-1)?.subject, subject.at("b.c"));
    await follower.stop();
    await subject.put("a", sequences[2] ?? 0);
    equal(found.at(-1)?.sequence, more);
  },

  "a follower takes a pattern of subjects, and may go without payloads": async (subject) => {
    await subject.putMany("a.x", 2);
    const [first = 0, second = 0] = await subject.putMany("b.x", 2);
    const third = await subject.put("b.y.z", 0, { headers: { "DS-Kind": "z" } });
    const found: StoredMessage[] = [];
    const follower = subject.port.follow(
      { log: subject.log, subject: subject.at("b.>"), fromSequence: 1, headersOnly: true },
      (message) => {
        found.push(message);
      },
    );
    await follower.caughtUp();
    equal(found.map(({ sequence }) => sequence), [first, second, third]);
    equal(found.map(({ payload }) => payload.length), [0, 0, 0]);
    equal(found[2]?.headers["DS-Kind"], "z");
    await follower.stop();
  },

  "a follower may begin with the newest message of each subject": async (subject) => {
    const [, , a = 0] = await subject.putMany("a", 3);
    const [, b = 0] = await subject.putMany("b", 2);
    const found: number[] = [];
    const follower = subject.port.follow(
      { log: subject.log, fromSequence: 1, isLastOfEach: true },
      ({ sequence }) => {
        found.push(sequence);
      },
    );
    await follower.caughtUp();
    // A replica that was behind may take an older one for the newest, and sends that before.
    const isNew = (sequence: number) => sequence === a || sequence >= b;
    ok(found.length < 5);
    equal(found.filter(isNew), [a, b]);
    const next = await subject.put("a", a);
    const last = await subject.put("a", next);
    await follower.caughtUp();
    equal(found.filter(isNew), [a, b, next, last]);
    await follower.stop();
  },

  "a message's handling is waited for before the next one comes": async (subject) => {
    await subject.putMany("a", 5);
    let [running, most, handled] = [0, 0, 0];
    const follower = subject.port.follow({ log: subject.log, fromSequence: 1 }, async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
      handled++;
    });
    await follower.caughtUp();
    equal([most, handled], [1, 5]);
    await follower.stop();
  },

  "a message whose handling fails ends a follower, and who waits for it is told why": async (
    subject,
  ) => {
    await subject.putMany("a", 3);
    const found: number[] = [];
    const follower = subject.port.follow({ log: subject.log, fromSequence: 1 }, ({ sequence }) => {
      found.push(sequence);
      if (found.length === 2) throw new RangeError("it can't be handled");
    });
    await rejects(follower.caughtUp(), RangeError);
    await rejects(follower.caughtUp(), RangeError);
    await subject.putMany("b", 1);
    equal(found.length, 2);
    await follower.stop();
  },

  "who waits for a follower that is stopped meanwhile isn't told that it has caught up": async (
    subject,
  ) => {
    await subject.putMany("a", 3);
    const begun = Promise.withResolvers<void>();
    const handled = Promise.withResolvers<void>();
    const follower = subject.port.follow({ log: subject.log, fromSequence: 1 }, () => {
      begun.resolve();
      return handled.promise;
    });
    const refused = rejects(follower.caughtUp(), JetStreamError);
    await begun.promise;
    const stopped = follower.stop();
    handled.resolve();
    await stopped;
    await refused;
    await rejects(follower.caughtUp(), JetStreamError);
  },

  "a follower of an empty log has caught up at once, and goes on": async (subject) => {
    const found: number[] = [];
    const follower = subject.port.follow({ log: subject.log, fromSequence: 1 }, ({ sequence }) => {
      found.push(sequence);
    });
    await follower.caughtUp();
    equal(found, []);
    const sequences = await subject.putMany("a", 2);
    await follower.caughtUp();
    equal(found, sequences);
    await follower.stop();
  },
};
