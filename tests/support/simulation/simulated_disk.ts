import type { Random } from "../random.ts";
import { SimulatedFile, type Survival } from "./simulated_file.ts";
import {
  NameChanges,
  SimulatedFolder,
  type SimulatedNode,
  treeAfterCrash,
} from "./simulated_names.ts";

/**
 * A disk with what the system remembers of it: it outlives a process, and a power failure leaves another
 * one. Paths begin with a slash.
 */
export class SimulatedDisk {
  readonly changes = new NameChanges();
  readonly #root: SimulatedFolder;

  constructor(root = new SimulatedFolder()) {
    this.#root = root;
  }

  /** What a path stands for. */
  find(path: string): SimulatedNode | undefined {
    let node: SimulatedNode | undefined = this.#root;
    for (const name of path.split("/").filter((part) => part !== "")) {
      node = node instanceof SimulatedFolder ? node.seen.get(name) : undefined;
    }
    return node;
  }

  /** The folder that a path is in, and its name there. */
  place(path: string): { folder: SimulatedFolder; name: string } | undefined {
    const at = path.lastIndexOf("/");
    const folder = this.find(path.slice(0, at));
    if (!(folder instanceof SimulatedFolder)) return undefined;
    return { folder, name: path.slice(at + 1) };
  }

  /**
   * Takes a file away, as someone does while no process runs: for good, until what is returned puts it
   * back.
   */
  takeAway(path: string): () => void {
    const place = this.place(path);
    const node = this.find(path);
    if (place === undefined || node === undefined) throw new Error(`There is no ${path}.`);
    const put = (there: SimulatedNode | undefined) => {
      this.changes.make([{ ...place, node: there }]);
      this.changes.finishSync(this.changes.beginSync(place.folder));
    };
    put(undefined);
    return () => put(node);
  }

  /** Cuts a file short, as {@link takeAway} takes it away. */
  cut(path: string, lengthBytes: number): void {
    const file = this.find(path);
    if (!(file instanceof SimulatedFile)) throw new Error(`There is no file ${path}.`);
    file.truncate(lengthBytes);
    file.finishSync(file.beginSync());
  }

  /** Every file that has a name. */
  *files(folder = this.#root): Generator<SimulatedFile> {
    for (const node of folder.seen.values()) {
      if (node instanceof SimulatedFile) yield node;
      else yield* this.files(node);
    }
  }

  /** The disk after a power failure: of what was not synced, any part may be there. */
  afterCrash(random: Random): SimulatedDisk {
    const survivals: readonly Survival[] = ["nothing", "everything", "some", "some"];
    const survivalOf = random.chance(0.3)
      ? constant(random.pick(survivals))
      : () => random.pick(survivals);
    this.changes.settle(survivalOf(), random);
    return new SimulatedDisk(treeAfterCrash(this.#root, survivalOf, random));
  }

  /** The same disk after its process was killed. */
  afterKill(random: Random): SimulatedDisk {
    for (const file of this.files()) file.dropLostPages(random);
    return this;
  }
}

function constant<T>(value: T): () => T {
  return () => value;
}
