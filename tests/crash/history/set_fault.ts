import type { FileSystemErrorKind } from "../../../src/env/file_system.ts";
import type { Call, Fault } from "../../support/simulation/faults.ts";
import type { World } from "./world.ts";

const CALLS: readonly Call[] = [
  "open",
  "read",
  "write",
  "write",
  "truncate",
  "sync",
  "sync",
  "rename",
  "remove",
  "sync directory",
  "barrier",
  "make directory",
  "store",
  "store state",
];

/** Makes some call of some kind fail, soon or late, once or for a while. */
export function setFault(world: World): void {
  const { random } = world;
  // Where syncs aren't waited for, one that fails may take with it what was acknowledged.
  const calls = world.options.fsync === "always"
    ? CALLS
    : CALLS.filter((call) => call !== "sync" && call !== "barrier");
  const call = random.pick(calls);
  const kinds: FileSystemErrorKind[] = ["other", "no_space", "too_many_open_files"];
  add(world, {
    call,
    kind: random.pick(kinds),
    after: random.below(random.pick([3, 12, 60])),
    times: random.pick([1, 1, 3, 100]),
  });
}

/** What the look-ups of a catalogue fail with. */
const LOOK_UP_KINDS: readonly FileSystemErrorKind[] = ["other", "too_many_open_files"];
/** Calls that need a descriptor. */
const OPENING: readonly Call[] = ["open", "open", "sync directory", "store", "store state"];

/**
 * Draws a fault of the kinds that need more than one call that fails; returns what sets it, `undefined`
 * for most lives.
 */
export function drawRareFault(world: World): (() => void) | undefined {
  const kind = world.extra.below(30);
  if (kind === 0) return () => failLookUps(world);
  if (kind === 1) return () => leaveRowsAhead(world);
  return kind <= 3 ? () => lackDescriptors(world) : undefined;
}

/** Loads fail, once or a few times. */
export function failLookUps(world: World): void {
  const { extra } = world;
  add(world, {
    call: "look up",
    kind: extra.pick(LOOK_UP_KINDS),
    after: extra.below(extra.pick([3, 12, 60])),
    times: extra.pick([1, 1, 3]),
  });
}

/** Nothing can be opened for a while. */
function lackDescriptors(world: World): void {
  const { extra } = world;
  const after = extra.below(extra.pick([3, 12, 60]));
  const calls = extra.chance(0.5) ? OPENING : [extra.pick(OPENING)];
  for (const call of new Set(calls)) {
    add(world, { call, kind: "too_many_open_files", after, times: extra.pick([1, 3, 30]) });
  }
}

/** Checkpoints store rows, and not how far they have come. */
function leaveRowsAhead(world: World): void {
  const after = world.extra.between(1, 3);
  add(world, { call: "store state", kind: "no_space", after, times: 1000 });
}

function add(world: World, fault: Fault): void {
  world.note(`fault ${JSON.stringify(fault)}`);
  world.machine.fileSystem.faults.add(fault);
}
