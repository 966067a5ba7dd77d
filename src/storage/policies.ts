import { StreamError } from "../protocol/errors.ts";
import type { RetentionPolicy } from "../protocol/retention.ts";

/** Which messages of a JSON stream replace each other (an extension). */
export interface Compaction {
  /** What says which: a JSON pointer (RFC 6901), or `state` for the State Protocol's `type` and `key`. */
  readonly key: string;
  /** A message that deletes its key stays so many ms. */
  readonly deleteKeepMs?: number;
}

/** What becomes of a stream's older messages (an extension). */
export interface StreamPolicies {
  readonly retention?: RetentionPolicy;
  readonly compaction?: Compaction;
}

const RETENTION_NUMBERS = ["ageMs", "bytes", "messages"] as const;

/** The text that is kept of policies; `undefined` where they say nothing. */
export function encodePolicies(policies: StreamPolicies | undefined): string | undefined {
  const retention = policies?.retention && retentionOf(policies.retention);
  const compaction = policies?.compaction;
  if (retention === undefined && compaction === undefined) return undefined;
  return JSON.stringify({
    ...(retention === undefined ? {} : { retention }),
    ...(compaction === undefined ? {} : { compaction: compactionOf(compaction) }),
  });
}

/**
 * The policies of such a text.
 *
 * @throws {RangeError} where it is none
 */
export function decodePolicies(text: string): StreamPolicies {
  const value = parse(text);
  const retention = objectAt(value, "retention", text);
  const compaction = objectAt(value, "compaction", text);
  const policies = {
    ...(retention === undefined ? {} : { retention: decodeRetention(retention, text) }),
    ...(compaction === undefined ? {} : { compaction: decodeCompaction(compaction, text) }),
  };
  // So a member that isn't known, or stands elsewhere, isn't passed over.
  if (encodePolicies(policies) !== text) throw malformed(text);
  return policies;
}

/** Whether two say the same. */
export function samePolicies(
  a: StreamPolicies | undefined,
  b: StreamPolicies | undefined,
): boolean {
  return encodePolicies(a) === encodePolicies(b);
}

/**
 * The policies with nothing in them that says nothing; `undefined` where that is all.
 *
 * @throws {StreamError} `invalid_header` where a limit isn't a whole number from 0 on
 */
export function checkPolicies(policies: StreamPolicies | undefined): StreamPolicies | undefined {
  for (const name of RETENTION_NUMBERS) {
    const value = policies?.retention?.[name];
    if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) continue;
    throw new StreamError(
      { code: "invalid_header" },
      `A retention of ${value} ${name} makes no sense: expected a whole number from 0 on.`,
    );
  }
  const text = encodePolicies(policies);
  return text === undefined ? undefined : decodePolicies(text);
}

/** The strictest of what several say. */
export function strictestRetention(all: readonly RetentionPolicy[]): RetentionPolicy | undefined {
  return retentionOf({
    ...limitOf(all, "ageMs"),
    ...limitOf(all, "bytes"),
    ...limitOf(all, "messages"),
    ...(all.some(({ toSnapshot }) => toSnapshot) ? { toSnapshot: true } : {}),
  });
}

function limitOf(
  all: readonly RetentionPolicy[],
  name: "ageMs" | "bytes" | "messages",
): RetentionPolicy {
  const least = all.reduce((limit, one) => Math.min(limit, one[name] ?? Infinity), Infinity);
  return least === Infinity ? {} : { [name]: least };
}

/** With its members in the order in which they are kept; `undefined` where it has none. */
function retentionOf(
  { ageMs, bytes, messages, toSnapshot }: RetentionPolicy,
): RetentionPolicy | undefined {
  const retention = {
    ...(ageMs === undefined ? {} : { ageMs }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(messages === undefined ? {} : { messages }),
    ...(toSnapshot === true ? { toSnapshot } : {}),
  };
  return Object.keys(retention).length === 0 ? undefined : retention;
}

function compactionOf({ key, deleteKeepMs }: Compaction): Compaction {
  return { key, ...(deleteKeepMs === undefined ? {} : { deleteKeepMs }) };
}

function decodeRetention(value: object, text: string): RetentionPolicy {
  const toSnapshot = member(value, "toSnapshot");
  if (toSnapshot !== undefined && toSnapshot !== true) throw malformed(text);
  return {
    ...numberAt(value, "ageMs", text),
    ...numberAt(value, "bytes", text),
    ...numberAt(value, "messages", text),
    ...(toSnapshot === undefined ? {} : { toSnapshot }),
  };
}

function decodeCompaction(value: object, text: string): Compaction {
  const key = member(value, "key");
  if (typeof key !== "string") throw malformed(text);
  return { key, ...numberAt(value, "deleteKeepMs", text) };
}

function numberAt<Name extends string>(
  value: object,
  name: Name,
  text: string,
): Partial<Record<Name, number>>;
function numberAt(value: object, name: string, text: string): Partial<Record<string, number>> {
  const number = member(value, name);
  if (number === undefined) return {};
  if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 0) {
    throw malformed(text);
  }
  return { [name]: number };
}

function objectAt(value: object, name: string, text: string): object | undefined {
  const found = member(value, name);
  if (found === undefined || (typeof found === "object" && found !== null)) return found;
  throw malformed(text);
}

function member(value: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}

function parse(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // The error below says it.
  }
  throw malformed(text);
}

function malformed(text: string): RangeError {
  return new RangeError(`${JSON.stringify(text.slice(0, 200))} is no text of policies.`);
}
