import { concatBytes } from "../../../src/protocol/bytes.ts";
import { messageEnds } from "../../../src/protocol/json.ts";
import type { Random } from "../../support/random.ts";
import { expect } from "../history/violation.ts";
import { askOf } from "./answer.ts";
import { Client } from "./client.ts";
import { Follower } from "./follower.ts";
import type { FrontEnd } from "./front_end.ts";
import { Ledger } from "./ledger.ts";
import { FOREVER_NAMES, isJson, NAMES, SLIDING_NAMES } from "./names.ts";
import type { NatsWorld } from "./nats_world.ts";

const CLIENTS = 4;
const MOST_STEPS = 25;
/** A stream that nobody uses is gone after this, of the longest lifetime there is, with a share for what is told late. */
const EXPIRED_MS = 30_000;
/** How long a fork that came to nothing may keep its source. */
const LONGEST_HOLD_MS = 600_000;
const STEP_MS = 100_000;
const MORE_THAN_ALL = 1 << 26;

/**
 * Clients append, as producers and without, create, fork, delete and read through any front end; some follow
 * streams. Every answer has to agree with those before it, and in the end everything acknowledged is there.
 */
export async function runLongHistory(world: NatsWorld): Promise<void> {
  const { random } = world;
  const ledger = new Ledger();
  const clients = Array.from(
    { length: CLIENTS },
    (_, number) => new Client(world, ledger, number, random.split()),
  );
  const followers = FOREVER_NAMES.map((name) => new Follower(world, ledger, name, random.split()));
  for (const follower of followers) follower.start();
  await world.drive(
    Promise.all(clients.map((client) => client.run(random.between(3, MOST_STEPS)))),
    "answers",
  );
  world.heal();
  await world.drive(world.opened(), "the front ends");
  await world.drive(Promise.all(clients.map((client) => client.finish())), "the last answers");
  // Before anybody looks: that would tell them.
  for (const follower of followers) await world.drive(follower.finish(), "a follower's end");
  // What was under way when its client gave up comes to its end.
  await world.drive(world.rest(), "the end of what was under way");
  await world.drive(checkEnd(world, ledger, random), "a look at everything");
  for (const follower of followers) {
    await world.drive(follower.finish(), "a follower's end");
    follower.stop();
  }
  await world.drive(checkExpiry(world, random), "the end of what nobody uses");
  await world.drive(checkRenewal(world, random), "a new beginning");
}

/** Once everything is deleted, nothing keeps a name from being used again: no fork that isn't there. */
async function checkRenewal(world: NatsWorld, random: Random): Promise<void> {
  const never = new Promise<void>(() => {});
  for (const name of NAMES) {
    const answer = await askOf(
      world.pickFrontEnd(random),
      never,
      (storage) => storage.delete(name),
    );
    world.nextEvent();
    expect(answer.kind !== "unknown", `${name} can't be deleted though nothing fails`);
  }
  for (let waited = 0; waited < LONGEST_HOLD_MS; waited += STEP_MS) await world.rest(STEP_MS);
  for (const name of NAMES) {
    const answer = await askOf(
      world.pickFrontEnd(random),
      never,
      (storage) => storage.create(name, { contentType: "text/plain" }),
    );
    world.nextEvent();
    world.note(`create ${name} anew: ${JSON.stringify(answer)}`);
    expect(
      answer.kind === "done" && answer.result.created,
      `${name} can't be made anew after everything was deleted`,
    );
  }
}

/** Every front end, and a new one, has the same, and all that was acknowledged. */
async function checkEnd(world: NatsWorld, ledger: Ledger, random: Random): Promise<void> {
  world.openFrontEnd();
  await world.opened();
  const { frontEnds } = world;
  for (const name of NAMES) {
    for (const frontEnd of frontEnds) await checkStream(world, ledger, frontEnd, name, random);
  }
  for (const frontEnd of frontEnds) await checkListing(world, frontEnd);
}

async function checkStream(
  world: NatsWorld,
  ledger: Ledger,
  frontEnd: FrontEnd,
  name: string,
  random: Random,
): Promise<void> {
  const what = `front end ${frontEnd.number}, ${name}`;
  const floor = ledger.floor();
  const span = { start: world.nextEvent(), startMs: world.nowMs, end: Infinity };
  const parts = [];
  for (let at = 0, tail = Infinity; at < tail;) {
    const limit = random.pick([4096, 10_000, MORE_THAN_ALL]);
    const answer = await askOf(
      frontEnd,
      world.clientTimeout(random),
      (storage) => storage.read(name, at, limit),
    );
    span.end = world.nextEvent();
    expect(answer.kind !== "unknown", `${what}: no answer though nothing fails`);
    if (answer.kind === "refused") {
      expect(
        answer.error.code === "not_found" || answer.error.code === "gone",
        `${what}: a read is refused: ${answer.error.message}`,
      );
      return ledger.missing(name, span, world.nowMs, what);
    }
    const { data, start, next, space, closed } = answer.result;
    expect(start === at && next === at + data.length, `${what}: a read goes on at its offset`);
    ({ tail } = answer.result);
    expect(next > at || at === tail, `${what}: a read moves on`);
    ledger.see(name, { space, tail, closed }, floor, span, what);
    ledger.book.learn(space, start, data, what);
    parts.push(data);
    at = next;
    if (at < tail) continue;
    const whole = concatBytes(parts);
    ledger.checkWhole(space, whole, what);
    const { messages } = answer.result;
    const there = isJson(name) ? messageEnds(whole).length : messages;
    expect(
      messages === undefined || messages === there,
      `${what}: it counts ${messages} messages, and there are ${there}`,
    );
  }
}

/** The listing has just those that can be read. */
async function checkListing(world: NatsWorld, frontEnd: FrontEnd): Promise<void> {
  const what = `front end ${frontEnd.number}, listing`;
  const never = new Promise<void>(() => {});
  const there: string[] = [];
  for (const name of NAMES) {
    const answer = await askOf(frontEnd, never, (storage) => storage.head(name));
    world.nextEvent();
    expect(answer.kind !== "unknown", `${what}: no answer though nothing fails`);
    if (answer.kind === "done" && answer.result.expiresAtMs === Infinity) {
      there.push(`${name} ${answer.result.tail} ${answer.result.closed}`);
    }
  }
  const answer = await askOf(frontEnd, never, (storage) => storage.list({ limit: 100 }));
  world.nextEvent();
  expect(answer.kind === "done", `${what}: ${JSON.stringify(answer)}`);
  const { streams } = answer.result;
  const listed = streams
    .filter(({ expiresAtMs }) => expiresAtMs === Infinity)
    .map(({ name, tail, closed }) => `${name} ${tail} ${closed}`);
  expect(
    listed.join() === there.sort().join(),
    `${what}: it has ${listed.join()}, and there is ${there.join()}`,
  );
}

/** Streams that end by themselves do so when nobody uses them. */
async function checkExpiry(world: NatsWorld, random: Random): Promise<void> {
  for (let waited = 0; waited < EXPIRED_MS; waited += 1000) await world.rest(1000);
  const frontEnd = world.pickFrontEnd(random);
  for (const name of SLIDING_NAMES) {
    const answer = await askOf(
      frontEnd,
      new Promise(() => {}),
      (storage) => storage.head(name),
    );
    world.nextEvent();
    expect(
      answer.kind === "refused",
      `${name} is there after ${EXPIRED_MS} ms in which nobody used it`,
    );
  }
}
