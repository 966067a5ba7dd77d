import { DirectoryError } from "../../../src/storage/file/directory/damage.ts";
import { readLogHeader } from "../../../src/storage/file/wal/reader.ts";
import { directoryPaths } from "../../../src/storage/file/directory/paths.ts";
import type { MemoryTables } from "../../support/simulation/memory_tables.ts";
import { describe } from "./session.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/**
 * Takes the log's newest files away where rows are ahead of what is left then: no start may go on from
 * there, and none may change anything. Afterwards they are back.
 */
export async function tryWithoutNewest(world: World): Promise<void> {
  const { machine, extra } = world;
  const { fileSystem, database: { tables } } = machine;
  const folder = directoryPaths(machine.dir).log;
  const names = fileSystem.list(folder)?.filter((name) => name.endsWith(".wal")).sort() ?? [];
  if (tables === undefined) return;
  const { lsn, clean } = tables.state;
  const rows = clean ? 0 : Math.max(0, ...lsnsOf(tables));
  const lasts = names.map((name) =>
    readLogHeader(fileSystem, `${folder}/${name}`).header.firstLsn - 1
  );
  // Most of all where the catalogue's own position isn't ahead.
  const worth = (least: number) =>
    lasts.flatMap((last, i) => i > 0 && last >= least && last < Math.max(rows, lsn) ? i : []);
  const candidates = worth(lsn).length > 0 ? worth(lsn) : worth(0);
  if (candidates.length === 0) return;
  const taken = names.slice(extra.pick(candidates));
  world.kinds.add("rows ahead of the log");
  world.note(`without ${taken.join()}: rows are at ${rows}, the catalogue at ${lsn}`);
  const putBack = taken.map((name) => fileSystem.disk.takeAway(`${folder}/${name}`));
  const failure = await machine.open(world.options).then(() => undefined, (error) => error);
  const isRight = failure instanceof DirectoryError && failure.code === "damaged";
  if (!isRight) throw new Violation(`Rows are ahead of the log: ${describe(failure ?? "opened")}`);
  for (const put of putBack) put();
}

function lsnsOf(tables: MemoryTables): number[] {
  return [...tables.soundStreams(), ...tables.subscriptions()].map((row) => row.lsn);
}
