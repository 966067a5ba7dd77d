import { encodeUtf8 } from "../../../protocol/bytes.ts";

const PREFIX = /^[a-z][a-z0-9_]{0,31}$/;

/** Whether logs and subjects may begin with this. */
export function isPrefix(text: string): boolean {
  return PREFIX.test(text);
}

/** The two hexadecimal digits of each byte. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** How logs and subjects are called (FORMAT.md, "logs and subjects"). */
export class Subjects {
  readonly metaLog: string;
  readonly namesLog: string;
  /** Patterns, for logs that are made. */
  readonly allMeta: string;
  readonly allNames: string;
  readonly identity: string;
  readonly shards: string;
  readonly ids: string;
  /** Which front end owns the subscriptions. */
  readonly owner: string;
  /** What signs webhooks and tokens. */
  readonly secrets: string;
  readonly subscriptionsLog: string;
  readonly allSubscriptions: string;
  /** What happens to subscriptions. */
  readonly subscriptionRecords: string;
  readonly probe: string;
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
    const upper = prefix.toUpperCase();
    this.metaLog = `${upper}_META`;
    this.namesLog = `${upper}_NAMES`;
    this.allMeta = `${prefix}.m.>`;
    this.allNames = `${prefix}.n.>`;
    this.identity = `${prefix}.m.identity`;
    this.shards = `${prefix}.m.shards`;
    this.ids = `${prefix}.m.ids`;
    this.owner = `${prefix}.m.owner`;
    this.secrets = `${prefix}.m.secrets`;
    this.subscriptionsLog = `${upper}_SUBS`;
    this.allSubscriptions = `${prefix}.u.>`;
    this.subscriptionRecords = `${prefix}.u.log`;
    this.probe = `${prefix}.m.probe`;
  }

  /** The log of a shard, which are counted from 1. */
  dataLog(shard: number): string {
    return `${this.#prefix.toUpperCase()}_DATA_${shard}`;
  }

  /** Patterns of a shard's log. */
  allData(shard: number): readonly string[] {
    return [`${this.#prefix}.d.${shard}.>`, `${this.#prefix}.s.${shard}.>`];
  }

  /** Where all messages of the streams of a shard are, but for snapshots: a pattern. */
  allStreams(shard: number): string {
    return `${this.#prefix}.d.${shard}.>`;
  }

  /** A pattern: the parts of all of them. */
  get subscriptionSnapshots(): string {
    return `${this.#prefix}.u.snap.>`;
  }

  /** Where a part of a snapshot of the subscriptions is. */
  subscriptionSnapshot(owner: number, count: number, part: number): string {
    return `${this.#prefix}.u.snap.${owner}.${count}.${part}`;
  }

  /** Where a front end answers others; no log has it. */
  calls(frontEnd: number): string {
    return `${this.#prefix}.c.${frontEnd}`;
  }

  /** Where a front end takes appends of others; no log has it. */
  appends(frontEnd: number): string {
    return `${this.#prefix}.a.${frontEnd}`;
  }

  /** Where the messages of a stream are. */
  data(shard: number, id: number): string {
    return `${this.#prefix}.d.${shard}.${id}`;
  }

  /** Where the newest snapshot of a stream is. */
  snapshot(shard: number, id: number): string {
    return `${this.#prefix}.s.${shard}.${id}`;
  }

  /** Where a part of an application's snapshot is. */
  keptPart(shard: number, id: number, number: number, part: number): string {
    return `${this.#prefix}.s.${shard}.${id}.b.${number}.${part}`;
  }

  /** A pattern: all parts of one, or of all that are there of a stream. */
  keptParts(shard: number, id: number, number: number | "*"): string {
    return `${this.#prefix}.s.${shard}.${id}.b.${number}.*`;
  }

  /** A pattern: all parts of all streams of a shard. */
  allKeptParts(shard: number): string {
    return `${this.#prefix}.s.${shard}.*.b.*.*`;
  }

  /** Whose part such a subject is. */
  keptPartOf(subject: string): { readonly id: number; readonly number: number } {
    const [, , , id, , number] = subject.split(".").map(Number);
    return { id: id ?? 0, number: number ?? 0 };
  }

  /** Where the record of a name is: a token a byte, so that whatever is in a name is allowed. */
  name(name: string): string {
    let subject = `${this.#prefix}.n`;
    for (const byte of encodeUtf8(name)) subject += `.${HEX[byte]}`;
    return subject;
  }
}
