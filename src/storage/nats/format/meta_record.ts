import type { Bytes } from "../../../protocol/bytes.ts";
import { FrameReader, FrameWriter, MalformedFrame } from "./binary.ts";
import { KIND } from "./kinds.ts";

/** The records of the storage as a whole (FORMAT.md, "the storage"). */

const IDENTITY = /^[0-9a-f]{8}$/;

/** The bytes that say which storage this is. */
export function encodeIdentity(identity: string): Bytes {
  return new FrameWriter(KIND.identity).text(identity).seal();
}

/**
 * Which storage it is.
 *
 * @throws {MalformedFrame}
 */
export function decodeIdentity(bytes: Bytes): string {
  const reader = open(bytes, KIND.identity);
  const identity = reader.text();
  reader.end();
  if (!IDENTITY.test(identity)) throw new MalformedFrame("it holds no identity");
  return identity;
}

/** The bytes that say how many data logs there are. */
export function encodeShards(shards: number): Bytes {
  return new FrameWriter(KIND.shards).u32(shards).seal();
}

/**
 * How many data logs there are.
 *
 * @throws {MalformedFrame}
 */
export function decodeShards(bytes: Bytes): number {
  const reader = open(bytes, KIND.shards);
  const shards = reader.u32();
  reader.end();
  return shards;
}

/** The bytes that say which ids were given to front ends. */
export function encodeIds(nextId: number): Bytes {
  return new FrameWriter(KIND.ids).u53(nextId).seal();
}

/**
 * The first id that no front end was given.
 *
 * @throws {MalformedFrame}
 */
export function decodeIds(bytes: Bytes): number {
  const reader = open(bytes, KIND.ids);
  const nextId = reader.u53();
  reader.end();
  return nextId;
}

/** The bytes that say which front end owns the subscriptions. */
export function encodeOwner(frontEnd: number): Bytes {
  return new FrameWriter(KIND.owner).u53(frontEnd).seal();
}

/**
 * The front end that owns the subscriptions.
 *
 * @throws {MalformedFrame}
 */
export function decodeOwner(bytes: Bytes): number {
  const reader = open(bytes, KIND.owner);
  const frontEnd = reader.u53();
  reader.end();
  return frontEnd;
}

/** The bytes of what signs webhooks and tokens. */
export function encodeSecrets(secrets: Bytes): Bytes {
  return new FrameWriter(KIND.secrets).bytes(secrets).seal();
}

/**
 * What signs webhooks and tokens.
 *
 * @throws {MalformedFrame}
 */
export function decodeSecrets(bytes: Bytes): Bytes {
  const reader = open(bytes, KIND.secrets);
  const secrets = reader.bytes();
  reader.end();
  return secrets;
}

function open(bytes: Bytes, kind: number): FrameReader {
  const reader = new FrameReader(bytes);
  if (reader.kind === kind) return reader;
  throw new MalformedFrame(`it is of the kind ${reader.kind} instead of ${kind}`);
}
