import type { Retention } from "../../client/transport/retention.ts";
import { MAX_RETENTION_SECONDS, type RetentionPolicy } from "../../protocol/retention.ts";
import { type RetentionRule, RetentionRules } from "../../storage/retention_rules.ts";
import { BadValue, type Flag, type FlagTable, isAccepted, optionalFlag } from "./flag.ts";
import { formatDuration, formatSize, parseDuration, parseSize, UnitError } from "./units.ts";

const NONE = "none";
const TO_SNAPSHOT = "to-snapshot";

/** The form of a retention, for messages and help. */
const RETENTION_FORM =
  "limits by commas, each at most once: an age in whole seconds (7d), a size (10GiB), " +
  "N messages, to-snapshot";

/** `--retention` of commands: how much of a stream is kept. */
export const retentionFlag: Flag<RetentionPolicy | undefined> = optionalFlag<RetentionPolicy>({
  name: "retention",
  placeholder: "limits",
  help:
    "How much of it is kept: '7d, 10GiB, 1000 messages', or none for everything. What is beyond " +
    "any of the limits goes, the oldest first.",
  accepts: `${NONE}, or ${RETENTION_FORM}`,
  default: {},
  defaultText: "",
  commandLineOnly: true,
  parse: (text) => text.trim() === NONE ? {} : parseRetentionText(text),
});

const rulesFlag: Flag<readonly RetentionRule[] | undefined> = {
  name: "retention",
  placeholder: "rule",
  help:
    "How much is kept of the streams whose names a pattern matches, beside what each says itself: " +
    "'logs/** = 7d, 10GiB, 1000 messages'. Of several the strictest limits count. Several by the " +
    "flag given again, or a line each.",
  accepts: `${NONE}, or PATTERN = ${RETENTION_FORM}`,
  default: undefined,
  defaultText: NONE,
  repeatable: true,
  textOfTable: rulesInTable,
  parse(text) {
    if (text === NONE) return undefined;
    return text.split("\n").filter((line) => line.trim() !== "").map(parseRule);
  },
};

/** The settings of `serve` about how much of streams is kept. */
export const retentionFlags = { retentionRules: rulesFlag } satisfies FlagTable;

/** A retention as people write it: `7d, 10GiB, 1000 messages, to-snapshot`. */
export function retentionWords(retention: Retention): string {
  const { ageSeconds, bytes, messages, toSnapshot } = retention;
  const words: string[] = [];
  if (ageSeconds !== undefined) words.push(formatDuration(ageSeconds * 1000));
  if (bytes !== undefined) words.push(withUnit(formatSize(bytes)));
  if (messages !== undefined) words.push(`${messages} messages`);
  if (toSnapshot) words.push(TO_SNAPSHOT);
  return words.join(", ");
}

/** A retention as the client takes it; `null` for one that keeps everything. */
export function clientRetention(policy: RetentionPolicy): Retention | null {
  const { ageMs, ...others } = policy;
  if (Object.keys(policy).length === 0) return null;
  return ageMs === undefined ? others : { ageSeconds: ageMs / 1000, ...others };
}

function parseRule(line: string): RetentionRule {
  const at = line.lastIndexOf("=");
  if (at < 0) throw new BadValue();
  const rule = {
    pattern: line.slice(0, at).trim(),
    retention: parseRetentionText(line.slice(at + 1)),
  };
  if (!isAccepted(() => new RetentionRules([rule]))) throw new BadValue();
  return rule;
}

/** @throws {BadValue} */
function parseRetentionText(text: string): RetentionPolicy {
  let retention: RetentionPolicy = {};
  for (const part of text.split(",")) {
    const limit = parseLimit(part.trim());
    if (Object.keys(limit).some((key) => key in retention)) throw new BadValue();
    retention = { ...retention, ...limit };
  }
  return retention;
}

function parseLimit(part: string): RetentionPolicy {
  if (part === TO_SNAPSHOT) return { toSnapshot: true };
  const [, messages] = /^(\d+) messages?$/.exec(part) ?? [];
  if (messages !== undefined) return { messages: atLeastOne(Number(messages)) };
  // People put a space between a number and its unit.
  const text = part.replace(/^(\d+)\s+(?=[A-Za-z]+$)/, "$1");
  // A bare number may be meant as days or messages as well, and what it costs is gone for good.
  const bytes = /^\d+$/.test(text) ? undefined : valueOf(parseSize, text);
  if (bytes !== undefined) return { bytes: atLeastOne(bytes) };
  const ageMs = valueOf(parseDuration, text) ?? NaN;
  if (ageMs % 1000 !== 0 || !(ageMs <= MAX_RETENTION_SECONDS * 1000)) throw new BadValue();
  return { ageMs: atLeastOne(ageMs) };
}

function atLeastOne(value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new BadValue();
}

function valueOf(parse: (text: string) => number, text: string): number | undefined {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof UnitError) return undefined;
    throw error;
  }
}

/** Of a table by patterns: `"logs/**" = { age = "7d", bytes = "10GiB" }`, or `= "7d, 10GiB"`. */
function rulesInTable(pattern: string, value: unknown): string | undefined {
  const limits = typeof value === "string" ? value : limitsInTable(value);
  return limits === undefined ? undefined : `${pattern} = ${limits}`;
}

function limitsInTable(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const limits: string[] = [];
  for (const [key, limit] of Object.entries(value)) {
    if (key === "age" && typeof limit === "string" && isDuration(limit)) limits.push(limit);
    else if (key === "bytes" && isSize(limit)) limits.push(withUnit(String(limit)));
    else if (key === "messages" && typeof limit === "number") limits.push(`${limit} messages`);
    else if (key === TO_SNAPSHOT && limit === true) limits.push(TO_SNAPSHOT);
    else if (key !== TO_SNAPSHOT || limit !== false) return undefined;
  }
  return limits.join(", ");
}

/** A size whose unit may have been left out. */
function withUnit(size: string): string {
  return /^\d+$/.test(size) ? `${size}B` : size;
}

function isDuration(text: string): boolean {
  return valueOf(parseDuration, text) !== undefined;
}

function isSize(value: unknown): boolean {
  return valueOf(parseSize, String(value)) !== undefined;
}
