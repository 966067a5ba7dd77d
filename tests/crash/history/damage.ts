import { directoryPaths, segmentPaths } from "../../../src/storage/file/directory/paths.ts";
import type { MemoryTables } from "../../support/simulation/memory_tables.ts";
import { makePayload } from "./payload.ts";
import type { Session } from "./session.ts";
import type { World } from "./world.ts";

/** More than a block. */
const LONG_BYTES = 10_000;

/**
 * Damages a stream while no process runs, where others are left that have nothing to do with it. From
 * then on nothing is promised of it but answers, and all of the others.
 */
export function damageOne(world: World): void {
  const { extra, machine: { database: { tables } } } = world;
  if (tables === undefined || world.damagedNames.length > 0) return;
  const rows = [...tables.streams()].filter(({ id }) => {
    const family = world.family(tables.stream(id)?.name ?? "");
    return world.names.some((name) => !family.has(name) && world.stream(name) !== undefined);
  });
  if (rows.length === 0) return;
  // One with segments has more that can be damaged.
  const long = rows.filter(({ id }) => tables.segments(id).length > 0);
  const { id, name } = extra.pick(long.length > 0 && extra.chance(0.7) ? long : rows);
  const { what, run } = extra.pick(waysToDamage(world, tables, id));
  world.giveUp(world.family(name));
  world.kinds.add("a damaged stream");
  world.note(`damage ${name} (${id}): ${what}; nothing is asked of ${world.damagedNames.join()}`);
  run();
}

/** Asks something of a stream of which nothing is promised but an answer. */
export function askDamaged(session: Session): void {
  const { storage, world } = session;
  const { extra } = world;
  if (world.damagedNames.length === 0 || !extra.chance(0.2)) return;
  const name = extra.pick(world.damagedNames);
  const lengthBytes = extra.below(extra.chance(0.5) ? LONG_BYTES : world.longestBytes);
  const { body } = makePayload(false, world.nextOpId(), lengthBytes, 1);
  const contentType = world.stream(name)?.contentType ?? "text/plain";
  const append = () => storage.append(name, { contentType, body });
  const calls: readonly (() => Promise<unknown>)[] = [
    append,
    append,
    append,
    () => storage.append(name, { contentType, body, producer: { id: "p", epoch: 9, seq: 0 } }),
    () => storage.head(name),
    () => storage.read(name, 0, 10_000),
    () => storage.create(name, { contentType }),
    () => storage.delete(name),
  ];
  const nothing = () => {};
  session.ask(extra.pick(calls)(), { done: nothing, refused: nothing, unknown: nothing });
}

function waysToDamage(
  { machine }: World,
  tables: MemoryTables,
  streamId: number,
): { what: string; run: () => void }[] {
  const { disk } = machine.fileSystem;
  const ways = [{ what: "its row", run: () => tables.damage({ streamId }) }];
  for (const { producerId } of tables.producers(streamId).slice(0, 1)) {
    ways.push({
      what: "a producer's row",
      run: () => tables.damage({ streamId, producerId }),
    });
  }
  const newest = tables.segments(streamId).at(-1);
  if (newest === undefined) return ways;
  const { base } = newest;
  ways.push({ what: "a segment's row", run: () => tables.damage({ streamId, base }) });
  const { log, index } = segmentPaths(directoryPaths(machine.dir).segments, streamId, base);
  for (const path of [log, index]) {
    ways.push({ what: `${path} is gone`, run: () => void disk.takeAway(path) });
    ways.push({ what: `${path} is cut`, run: () => disk.cut(path, 100) });
  }
  return ways;
}
