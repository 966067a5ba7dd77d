import type { FileSystemErrorKind } from "../../../src/env/file_system.ts";
import type { Call } from "../../support/faults.ts";
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
  const fault = {
    call,
    kind: random.pick(kinds),
    after: random.below(random.pick([3, 12, 60])),
    times: random.pick([1, 1, 3, 100]),
  };
  world.note(`fault ${JSON.stringify(fault)}`);
  world.machine.fileSystem.faults.add(fault);
}
