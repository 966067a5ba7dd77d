import { generations } from "../../../src/storage/file/backup/generations.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { yieldToEventLoop } from "../../support/event_loop.ts";
import { Violation } from "../history/violation.ts";
import { type BackupClient, makeShared } from "./client.ts";
import { checkRestored, restoreDamaged } from "./restored.ts";
import { asViolation, BACKUPS, BackupWorld, settled } from "./world.ts";

/** How a history went. */
export interface BackupHistory {
  readonly backups: number;
  readonly cutShort: number;
  readonly damaged: number;
}

/**
 * Runs the history of a seed: clients write to a storage that is killed and loses its power, backups are
 * taken meanwhile, and each that ended is restored and compared.
 *
 * @throws {Violation}
 */
export async function runBackupHistory(seed: number): Promise<BackupHistory> {
  const world = new BackupWorld(seed);
  const { random, machine } = world;
  const lives = random.between(1, 4);
  for (let life = 0; life < lives; life++) {
    await live(world, life === lives - 1);
    machine.end(random.pick(["crash", "kill"]));
  }
  const found = generations(machine.fileSystem, BACKUPS);
  let damaged = 0;
  for (const { name, root } of found) {
    const attempt = world.attempts.find((each) => each.name === name);
    if (attempt?.ops === undefined) throw new Violation(`Nobody knows of the backup ${name}`);
    await checkRestored(world, root, { ...attempt, ops: attempt.ops });
    if (random.chance(0.3) && await restoreDamaged(world, root)) damaged++;
  }
  const cutShort = world.attempts.length - found.length;
  return { backups: found.length, cutShort, damaged };
}

async function live(world: BackupWorld, isLast: boolean): Promise<void> {
  const { machine, random, clients } = world;
  const { process } = machine.fileSystem;
  if (!isLast && random.chance(0.7)) process.exitAfter(random.between(50, 3000));
  const storage = await settled(world, machine.open(world.options));
  if (storage === undefined) return world.endBackup();
  if (await settled(world, begin(storage, clients).then(() => true)) === undefined) {
    return world.endBackup();
  }
  const steps = random.between(10, 80);
  const backupChance = random.pick([0.02, 0.1]);
  for (let step = 0; step < steps && !process.hasExited; step++) {
    for (const client of clients) {
      if (client.isWaiting || random.chance(0.3)) continue;
      client.next(storage, random).catch((error) => {
        if (!process.hasExited) world.violation ??= error;
      });
    }
    if (random.chance(backupChance)) world.startBackup();
    if (random.chance(0.3)) machine.clock.advance(random.between(1, 700));
    for (let turns = random.below(30); turns > 0; turns--) await yieldToEventLoop();
    if (world.violation !== undefined) throw asViolation(world.violation);
  }
  if (isLast) world.startBackup();
  // Answers aren't waited for, only the backup: a process may end with requests under way.
  for (let turns = 0; !process.hasExited && world.isBackingUp; turns++) {
    if (turns > 30_000) throw new Violation("A backup or an answer never comes");
    if (turns % 50 === 49) machine.clock.advance(300);
    await yieldToEventLoop();
    if (world.violation !== undefined) throw asViolation(world.violation);
  }
  world.endBackup();
}

async function begin(storage: Storage, clients: readonly BackupClient[]): Promise<void> {
  await makeShared(storage);
  for (const client of clients) await client.resolve(storage);
}
