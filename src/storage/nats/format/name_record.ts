import type { Bytes } from "../../../protocol/bytes.ts";
import type { Lifetime } from "../../../protocol/lifetime.ts";
import type { ForkOrigin } from "../../records.ts";
import type { StreamIdentity } from "../../stream.ts";
import { FrameReader, FrameWriter, MalformedFrame } from "./binary.ts";
import { KIND } from "./kinds.ts";
import { readPolicies } from "./read_policies.ts";
import { encodePolicies, type StreamPolicies } from "../../policies.ts";

/** What stands under a name: the stream that has it, or that none has (FORMAT.md, "names"). */
export type NameEntry = NameRecord | Tombstone;

/** The stream of a name: all that never changes about it. */
export interface NameRecord extends StreamIdentity {
  readonly kind: "name";
  /** Which of the data logs it is in; from 1 on. */
  readonly shard: number;
  readonly createdAtMs: number;
  /** Of a fork the first position that could be read when it was made; left out where that is 0. */
  readonly earliest?: number | undefined;
  /** The policies that it was made with. */
  readonly policies?: StreamPolicies | undefined;
}

/** The name had a stream, which is gone. */
export interface Tombstone {
  readonly kind: "tombstone";
  readonly id: number;
  readonly name: string;
}

const LIFETIMES: readonly Lifetime["kind"][] = ["forever", "ttl", "until"];

const IS_FORK = 1;
const HAS_FORK_OFFSET = 2;
const HAS_EARLIEST = 64;
const HAS_POLICIES = 128;
const HAS_FORK_MESSAGES = 4;

/** The bytes of what stands under a name. */
export function encodeNameEntry(entry: NameEntry): Bytes {
  if (entry.kind === "tombstone") {
    return new FrameWriter(KIND.tombstone).u53(entry.id).text(entry.name).seal();
  }
  const { fork, lifetime, earliest = 0 } = entry;
  const policies = encodePolicies(entry.policies);
  const flags = (fork === undefined ? 0 : IS_FORK) |
    (fork?.offset === undefined ? 0 : HAS_FORK_OFFSET) |
    (fork?.messages === undefined ? 0 : HAS_FORK_MESSAGES) | (earliest === 0 ? 0 : HAS_EARLIEST) |
    (policies === undefined ? 0 : HAS_POLICIES);
  const writer = new FrameWriter(KIND.name, flags)
    .u53(entry.id).u32(entry.shard).u53(entry.createdAtMs)
    .text(entry.name).text(entry.contentType)
    .u8(LIFETIMES.indexOf(lifetime.kind)).u53(lifetimeValue(lifetime));
  if (fork !== undefined) {
    writer.u53(fork.sourceId).text(fork.sourceName).u53(fork.offset ?? 0).u53(fork.subOffset)
      .u53(fork.point);
    if (fork.messages !== undefined) writer.u53(fork.messages);
  }
  if (earliest > 0) writer.u53(earliest);
  if (policies !== undefined) writer.text(policies);
  return writer.seal();
}

/**
 * What these bytes say of a name.
 *
 * @throws {MalformedFrame}
 */
export function decodeNameEntry(bytes: Bytes): NameEntry {
  const reader = new FrameReader(bytes);
  if (reader.kind === KIND.tombstone) {
    const entry = { kind: "tombstone", id: reader.u53(), name: reader.text() } as const;
    reader.end();
    return entry;
  }
  if (reader.kind !== KIND.name) {
    throw new MalformedFrame(`it is of the kind ${reader.kind}, which no name's record is`);
  }
  const record: NameRecord = {
    kind: "name",
    id: reader.u53(),
    shard: reader.u32(),
    createdAtMs: reader.u53(),
    name: reader.text(),
    contentType: reader.text(),
    lifetime: toLifetime(reader.u8(), reader.u53()),
    fork: (reader.flags & IS_FORK) === 0 ? undefined : readFork(reader),
    ...((reader.flags & HAS_EARLIEST) === 0 ? {} : { earliest: reader.u53() }),
    ...((reader.flags & HAS_POLICIES) === 0 ? {} : { policies: readPolicies(reader.text()) }),
  };
  reader.end();
  return record;
}

function readFork(reader: FrameReader): ForkOrigin {
  const sourceId = reader.u53();
  const sourceName = reader.text();
  const offset = reader.u53();
  const fork = {
    sourceId,
    sourceName,
    offset: (reader.flags & HAS_FORK_OFFSET) === 0 ? undefined : offset,
    subOffset: reader.u53(),
    point: reader.u53(),
  };
  return (reader.flags & HAS_FORK_MESSAGES) === 0 ? fork : { ...fork, messages: reader.u53() };
}

function lifetimeValue(lifetime: Lifetime): number {
  if (lifetime.kind === "ttl") return lifetime.ttlSeconds;
  // Times before 1970 are over as well as that of 1970 is.
  return lifetime.kind === "until" ? Math.max(0, lifetime.expiresAtMs) : 0;
}

function toLifetime(kind: number, value: number): Lifetime {
  switch (LIFETIMES[kind]) {
    case "forever":
      return { kind: "forever" };
    case "ttl":
      return { kind: "ttl", ttlSeconds: value };
    case "until":
      return { kind: "until", expiresAtMs: value };
    default:
      throw new MalformedFrame(`its lifetime is of the kind ${kind}, which there isn't`);
  }
}
