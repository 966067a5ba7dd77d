import type { Storage } from "../../../src/storage/storage.ts";
import { yieldToEventLoop } from "../../support/event_loop.ts";
import { append } from "./appends.ts";
import { askDamaged, damageOne } from "./damage.ts";
import { create, createAgain, fork, remove } from "./names.ts";
import { checkSnapshot, keepSnapshot } from "./snapshots.ts";
import { checkForeignOffsets } from "./offsets.ts";
import { describe, LifeOver, Session } from "./session.ts";
import { checkListing } from "./listing.ts";
import { tryWithoutNewest } from "./rows_ahead.ts";
import { checkAll, checkName, checkStream } from "./verify.ts";
import { Violation } from "./violation.ts";
import { playSubscriptions, workOff } from "./subscriptions/play.ts";
import { checkSubscriptions } from "./subscriptions/verify.ts";
import { type HistoryOptions, type RareKind, World } from "./world.ts";
import { drawRareFault, failLookUps, setFault } from "./set_fault.ts";

/** How a history went. */
export interface HistoryResult {
  seed: number;
  options: HistoryOptions;
  /** What was wrong; undefined where all was right. */
  violation: Violation | undefined;
  trace: readonly string[];
  /** Its parts in their order, as far as it came: lives (`2`), their faults (`2:fault`), steps (`2:17`). */
  parts: string[];
  crashes: number;
  faults: number;
  /** The rare kinds that have happened. */
  kinds: ReadonlySet<RareKind>;
}

/**
 * Runs the history of a seed: lives of a storage, each ended by a crash, a kill or in order.
 *
 * @param isKept whether a part of it takes place; all do where nothing is said
 */
export async function runHistory(
  seed: number,
  isKept: (part: string) => boolean = () => true,
  options: HistoryOptions = { subscriptions: false },
): Promise<HistoryResult> {
  const world = new World(seed, options);
  const parts: string[] = [];
  const { trace, kinds } = world;
  const counts = { crashes: 0, faults: 0 };
  const result = { seed, options, trace, parts, ...counts, kinds, violation: undefined };
  const keep = (part: string) => {
    if (!isKept(part)) return false;
    parts.push(part);
    return true;
  };
  try {
    const lives = world.random.between(2, 6);
    for (let life = 0; life < lives; life++) {
      if (!keep(`${life}`)) continue;
      world.turnTo(`${life} start`);
      const session = await start(world, result);
      world.turnTo(`${life}`);
      await live(session, result, (part) => keep(`${life}:${part}`), `${life}`);
    }
    world.turnTo("finish");
    await finish(world, result);
    return result;
  } catch (error) {
    const violation = error instanceof Violation
      ? error
      : new Violation(`The history stopped: ${describe(error)}`);
    return { ...result, violation };
  }
}

/** Starts the storage, after however many starts that a crash cuts short, and checks what it holds. */
async function start(world: World, counts: { crashes: number }): Promise<Session> {
  if (world.extra.chance(0.07) && !world.subscriptions.areOn) damageOne(world);
  if (world.isUnclean && world.extra.chance(0.5)) await tryWithoutNewest(world);
  while (true) {
    const { process, faults } = world.machine.fileSystem;
    const isCutShort = world.random.chance(0.3);
    if (isCutShort) process.exitAfter(world.random.between(1, 80));
    if (world.random.chance(0.05)) setFault(world);
    if (world.extra.chance(0.02)) failLookUps(world);
    if (world.isUnclean) { for (const stream of world.streams()) stream.maybeUsed(world.nowMs); }
    world.note("open");
    const storage = await openUntilOver(world);
    // One that opens though a look-up has failed has to have everything all the same.
    const isFaulty = faults.fired.some(({ call }) => call !== "look up");
    world.noteFired(faults.fired);
    faults.clear();
    if (storage !== undefined && !isFaulty) {
      const session = new Session(world, storage);
      try {
        await checkAll(session);
        if (world.subscriptions.areOn) await checkSubscriptions(session);
        process.exitAfter(Infinity);
        world.note("checked");
        return session;
      } catch (error) {
        if (!(error instanceof LifeOver)) throw error;
      }
    }
    end(world, counts);
  }
}

/** The storage; `undefined` where the process died before, or where a fault was set that kept it shut. */
async function openUntilOver(world: World): Promise<Storage | undefined> {
  const { process, faults } = world.machine.fileSystem;
  let outcome: { storage?: Storage; error?: unknown } | undefined;
  world.machine.open(world.options).then(
    (storage) => outcome = { storage },
    (error) => outcome = { error },
  );
  for (let turns = 0; outcome === undefined && !process.hasExited; turns++) {
    if (turns > 3000) throw new Violation("The storage doesn't open");
    await yieldToEventLoop();
  }
  if (process.hasExited || outcome === undefined) return undefined;
  if (outcome.storage !== undefined || faults.fired.length > 0) return outcome.storage;
  throw new Violation(`The storage doesn't open: ${describe(outcome.error)}`);
}

async function live(
  session: Session,
  counts: { crashes: number; faults: number },
  keep: (part: string) => boolean,
  name: string,
): Promise<void> {
  const { world } = session;
  const { process, faults } = world.machine.fileSystem;
  if (world.random.chance(0.7)) process.exitAfter(world.random.between(1, 400));
  world.life++;
  world.isFragile = world.options.fsync !== "always" && !world.hasLifetimes &&
    world.random.chance(0.5);
  if (world.isFragile) world.note("fragile");
  const steps = world.random.between(1, world.names.length > 10 ? 300 : 60);
  const isFaulty = world.random.chance(0.3);
  const setRareFault = drawRareFault(world);
  if ((isFaulty || setRareFault !== undefined) && keep("fault")) {
    if (isFaulty) setFault(world);
    setRareFault?.();
  }
  try {
    for (let i = 0; i < steps && !session.isOver; i++) {
      if (!keep(`${i}`)) continue;
      world.turnTo(`${name} ${i}`);
      if (playsSubscriptions(world)) await inspect(session, () => playSubscriptions(session));
      await step(session);
      session.check();
    }
    world.turnTo(`${name} end`);
    if (world.extra.chance(0.5)) await session.recover();
  } catch (error) {
    if (!(error instanceof LifeOver)) throw error;
  }
  counts.faults += faults.fired.length;
  world.noteFired(faults.fired);
  faults.clear();
  if (!session.isOver && world.random.chance(0.3)) return await close(world, session, counts);
  end(world, counts);
}

/** Not where the power may take back what was acknowledged: only appends are at stake then. */
function playsSubscriptions({ subscriptions, isFragile }: World): boolean {
  return subscriptions.areOn && !isFragile && subscriptions.random.chance(0.7);
}

async function step(session: Session): Promise<void> {
  const { world } = session;
  const { random, names } = world;
  const name = random.pick(names);
  const stream = world.stream(name);
  const there = stream?.lifecycle === "there" ? stream : undefined;
  askDamaged(session);
  if (there !== undefined && world.extra.chance(0.01)) {
    await inspect(session, () => checkForeignOffsets(session, there));
  }
  if (there !== undefined && !world.isFragile && world.snapshots.chance(0.15)) {
    keepSnapshot(session, there);
  }
  const kind = random.below(100);
  if (world.isFragile && kind < 76) {
    if (there !== undefined) append(session, there);
  } else if (kind < 50) {
    if (there !== undefined) append(session, there);
    else if (names.length > 10) create(session, name);
  } else if (kind < 62) create(session, name);
  else if (kind < 70) {
    const source = world.stream(random.pick(names));
    if (source !== undefined) fork(session, name, source);
  } else if (kind < 74) remove(session, name);
  else if (kind < 76 && there !== undefined) createAgain(session, there);
  else if (kind < 79) await inspect(session, () => lookAt(session, name));
  else if (kind < 80) await inspect(session, () => checkListing(session));
  else if (kind < 84) world.machine.clock.advance(random.pick([1, 50, 400, 1500, 6000, 20_000]));
  else if (kind < 87) await session.drain();
  else for (let turns = random.below(12); turns > 0; turns--) await yieldToEventLoop();
}

/** A look and a read in between. */
async function lookAt(session: Session, name: string): Promise<void> {
  await checkName(session, name);
  const stream = session.world.stream(name);
  if (stream?.lifecycle !== "there") return;
  await checkStream(session, stream);
  if (stream.lifecycle === "there") await checkSnapshot(session, stream);
}

/** What a fault keeps from being read is no harm. */
async function inspect(session: Session, check: () => Promise<void>): Promise<void> {
  try {
    await check();
  } catch (error) {
    if (error instanceof Violation || error instanceof LifeOver || !session.isFaulty) throw error;
  }
}

/** Ends the process at once: what was under way may have happened or not. */
function end(world: World, counts: { crashes: number }): void {
  const isCut = (world.options.fsync === "always" || world.isFragile) && world.random.chance(0.6);
  const how = isCut ? "crash" : "kill";
  if (isCut && world.isFragile) {
    for (const stream of world.streams()) stream.doubt(world.life);
  }
  world.note(how);
  world.subscriptions.end(world.nowMs);
  world.machine.end(how);
  counts.crashes++;
  world.machine.clock.advance(world.random.pick([0, 10, 3000, 20_000]));
  // What was used last is forgotten: a stream may live longer for that.
  world.isUnclean = true;
}

/** Ends it in order, or as far as that goes. */
async function close(
  world: World,
  session: Session,
  counts: { crashes: number },
): Promise<void> {
  world.note("close");
  if (world.random.chance(0.7)) await session.drain();
  session.closing();
  const { outstanding } = session;
  const closedMs = world.nowMs;
  try {
    await session.answer(session.storage.close());
    await session.drain();
  } catch (error) {
    if (error instanceof LifeOver) return end(world, counts);
    if (error instanceof Violation || !session.isFaulty) throw error;
    return end(world, counts);
  }
  if (session.isOver) return end(world, counts);
  // What was recorded behind the last checkpoint, by who waited or by an expiry, makes the end no clean one.
  world.isUnclean = session.isFaulty || outstanding > 0 || world.nowMs > closedMs;
  const { openFiles } = world.machine.fileSystem;
  if (openFiles > 0 && !session.isFaulty) throw new Violation(`${openFiles} files stay open`);
  world.machine.end("kill");
}

/** Whatever happened, one more start finds what the last one found. */
async function finish(world: World, counts: { crashes: number }): Promise<void> {
  for (let round = 0; round < 2; round++) {
    const session = await start(world, counts);
    if (round === 0) {
      end(world, counts);
      continue;
    }
    if (world.subscriptions.areOn) await workOff(session);
    await session.answer(session.storage.close());
  }
}
