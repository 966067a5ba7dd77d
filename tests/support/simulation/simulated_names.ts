import type { Random } from "../random.ts";
import { SimulatedFile, type Survival } from "./simulated_file.ts";

/** What a name stands for. */
export type SimulatedNode = SimulatedFile | SimulatedFolder;

/** A folder twice over: as processes see it, and as the disk has it. */
export class SimulatedFolder {
  readonly seen = new Map<string, SimulatedNode>();
  readonly disk = new Map<string, SimulatedNode>();
}

/** A name that comes to stand for something else, or for nothing. */
export interface NameChange {
  folder: SimulatedFolder;
  name: string;
  node: SimulatedNode | undefined;
}

/**
 * Changes of names that no sync of their folder has covered: in a crash each happened or not by itself,
 * but for those of one name, which keep their order, and those of one rename, which go together.
 */
export class NameChanges {
  #waiting: (readonly NameChange[])[] = [];

  /** Changes what processes see. */
  make(changes: readonly NameChange[]): void {
    for (const { folder, name, node } of changes) put(folder.seen, name, node);
    this.#waiting.push(changes);
  }

  /** What a sync that begins now covers: of one folder, or of all. */
  beginSync(folder?: SimulatedFolder): ReadonlySet<readonly NameChange[]> {
    return new Set(
      this.#waiting.filter((changes) =>
        folder === undefined || changes.some((change) => change.folder === folder)
      ),
    );
  }

  finishSync(covered: ReadonlySet<readonly NameChange[]>): void {
    for (const changes of covered) apply(changes);
    this.#waiting = this.#waiting.filter((changes) => !covered.has(changes));
  }

  /** Puts on the disk what a crash leaves of the rest. */
  settle(survival: Survival, random: Random): void {
    const skipped: NameChange[] = [];
    for (const changes of this.#waiting) {
      const happened = survival === "everything" || (survival === "some" && random.chance(0.5));
      if (happened && !changes.some((change) => skipped.some((other) => isSame(change, other)))) {
        apply(changes);
      } else {
        skipped.push(...changes);
      }
    }
    this.#waiting = [];
  }
}

/** Everything under a folder after a power failure; its names on the disk are settled already. */
export function treeAfterCrash(
  folder: SimulatedFolder,
  survivalOf: () => Survival,
  random: Random,
): SimulatedFolder {
  const copy = new SimulatedFolder();
  for (const [name, node] of folder.disk) {
    const left = node instanceof SimulatedFile
      ? node.afterCrash(survivalOf(), random)
      : treeAfterCrash(node, survivalOf, random);
    copy.seen.set(name, left);
    copy.disk.set(name, left);
  }
  return copy;
}

function apply(changes: readonly NameChange[]): void {
  for (const { folder, name, node } of changes) put(folder.disk, name, node);
}

function put(
  names: Map<string, SimulatedNode>,
  name: string,
  node: SimulatedNode | undefined,
): void {
  if (node === undefined) names.delete(name);
  else names.set(name, node);
}

function isSame(a: NameChange, b: NameChange): boolean {
  return a.folder === b.folder && a.name === b.name;
}
