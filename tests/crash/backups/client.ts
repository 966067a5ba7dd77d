import type { Random } from "../../support/random.ts";
import { StreamError } from "../../../src/protocol/errors.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { readSnapshot, readText } from "./read_text.ts";

/** Streams that all clients append to. */
export const SHARED = ["shared/0", "shared/1", "shared/2"];
const CONTENT_TYPE = "text/plain";
const LONGEST_CHARS = 3000;

/** Something that a client asks for. */
export type Op =
  | { readonly kind: "append"; readonly name: string; readonly text: string }
  | { readonly kind: "create"; readonly name: string; readonly text: string }
  | { readonly kind: "fork"; readonly name: string; readonly source: string }
  | { readonly kind: "snapshot"; readonly name: string; readonly text: string }
  | { readonly kind: "unsnapshot"; readonly name: string }
  | { readonly kind: "delete"; readonly name: string };

/** What a client's own streams hold, and what it has appended to each that is shared. */
export interface ClientState {
  readonly own: ReadonlyMap<string, string>;
  /** The snapshots of its own streams, each with how far its stream went then. */
  readonly snapshots: ReadonlyMap<string, string>;
  readonly shared: ReadonlyMap<string, string>;
}

/** One who asks for one thing after the other: what it asks for next, nobody has before. */
export class BackupClient {
  readonly number: number;
  /** What was acknowledged, and in the end perhaps what is asked for now. */
  readonly ops: Op[] = [];
  /** How many of these were. */
  acknowledged = 0;
  #opNumber = 0;

  constructor(number: number) {
    this.number = number;
  }

  /** Whether it waits for an answer. */
  get isWaiting(): boolean {
    return this.ops.length > this.acknowledged;
  }

  /** Asks for something; resolves once it is acknowledged, never in a process that ends before. */
  async next(storage: Storage, random: Random): Promise<void> {
    const op = this.#choose(random);
    this.ops.push(op);
    await ask(storage, op);
    this.acknowledged++;
  }

  /** After a start: has what was being asked for happened? */
  async resolve(storage: Storage): Promise<void> {
    const op = this.ops[this.acknowledged];
    if (op === undefined) return;
    const isSnapshot = op.kind === "snapshot" || op.kind === "unsnapshot";
    const text = isSnapshot
      ? await readSnapshot(storage, op.name)
      : await readText(storage, op.name);
    const isDone = op.kind === "append" || op.kind === "snapshot"
      ? text?.includes(op.text) === true
      : op.kind === "unsnapshot"
      ? text === undefined
      : op.kind === "delete"
      ? text === undefined
      : text !== undefined;
    if (isDone) this.acknowledged++;
    else this.ops.length = this.acknowledged;
  }

  #choose(random: Random): Op {
    const { own, snapshots } = stateAfter(this.ops);
    const names = [...own.keys()];
    const kept = [...snapshots.keys()];
    const kind = random.pick(["append", "append", "append", "own", "create", "fork", "delete"]);
    const number = this.#opNumber++;
    const mark = `[${this.number}:${number}:${"x".repeat(random.below(LONGEST_CHARS))}]`;
    const name = `own/${this.number}/${number}`;
    if (names.length > 0 && random.chance(0.15)) {
      if (kept.length > 0 && random.chance(0.3)) {
        return { kind: "unsnapshot", name: random.pick(kept) };
      }
      return { kind: "snapshot", name: random.pick(names), text: mark };
    }
    if (kind === "append") return { kind, name: random.pick(SHARED), text: mark };
    if (kind === "create" || names.length === 0) return { kind: "create", name, text: mark };
    const one = random.pick(names);
    if (kind === "own") return { kind: "append", name: one, text: mark };
    return kind === "delete" ? { kind, name: one } : { kind: "fork", name, source: one };
  }
}

/** What there is once all of these have happened. */
export function stateAfter(ops: readonly Op[]): ClientState {
  const own = new Map<string, string>();
  const snapshots = new Map<string, string>();
  const shared = new Map<string, string>();
  for (const op of ops) {
    if (op.kind === "delete") {
      own.delete(op.name);
      snapshots.delete(op.name);
    } else if (op.kind === "unsnapshot") snapshots.delete(op.name);
    else if (op.kind === "snapshot") {
      snapshots.set(op.name, `${own.get(op.name)?.length ?? 0} ${op.text}`);
    } else if (op.kind === "fork") own.set(op.name, own.get(op.source) ?? "");
    else {
      const streams = SHARED.includes(op.name) ? shared : own;
      streams.set(op.name, (streams.get(op.name) ?? "") + op.text);
    }
  }
  return { own, snapshots, shared };
}

async function ask(storage: Storage, op: Op): Promise<void> {
  const body = new TextEncoder().encode("text" in op ? op.text : "");
  if (op.kind === "snapshot") {
    const { tail } = await storage.head(op.name);
    await storage.snapshots?.put(op.name, { offset: tail, contentType: CONTENT_TYPE, body });
  } else if (op.kind === "unsnapshot") await storage.snapshots?.delete(op.name);
  else if (op.kind === "append") await storage.append(op.name, { contentType: CONTENT_TYPE, body });
  else if (op.kind === "create") {
    await storage.create(op.name, { contentType: CONTENT_TYPE, body });
  } else if (op.kind === "fork") {
    await storage.create(op.name, { contentType: CONTENT_TYPE, fork: { source: op.source } });
  } else await storage.delete(op.name);
}

/** Makes the streams that are shared, where they aren't there. */
export async function makeShared(storage: Storage): Promise<void> {
  for (const name of SHARED) {
    try {
      await storage.create(name, { contentType: CONTENT_TYPE });
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
    }
  }
}
