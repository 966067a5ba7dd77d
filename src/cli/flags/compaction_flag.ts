import type { Compaction } from "../../client/transport/compaction.ts";
import {
  type CompactionPolicy,
  formatCompaction,
  parseCompaction,
} from "../../protocol/compaction_policy.ts";
import { StreamError } from "../../protocol/errors.ts";
import { BadValue, type Flag, isAccepted, optionalFlag } from "./flag.ts";
import { formatDuration, parseDuration, UnitError } from "./units.ts";

const NONE = "none";

/** A key, and perhaps how long tombstones stay. A pointer may have commas itself. */
const FORM = /^(.*?)(?:,\s*tombstones[ =]\s*([^,]+))?$/su;
/** Meant as the second part, and mistaken: no message would have such a key. */
const MISTAKEN = /,\s*tombstone/iu;

/** `--compaction` of commands: which messages of a stream stand for others; `null` for none. */
export const compactionFlag: Flag<Compaction | null | undefined> = optionalFlag<Compaction | null>({
  name: "compaction",
  placeholder: "key",
  help:
    "Of a JSON stream's messages of the same key only the newest is kept: state for the State " +
    "Protocol's type and key, or a JSON pointer; 'state, tombstones 1h' says how long deletions " +
    "stay. none for all messages.",
  accepts:
    "state, or a JSON pointer (/id), with ', tombstones DURATION' in whole seconds if need " +
    `be; or ${NONE}`,
  default: null,
  defaultText: "",
  commandLineOnly: true,
  parse: (text) => text.trim() === NONE ? null : parseCompactionText(text.trim()),
});

/** A compaction as people write it: `/id, tombstones 1h`. */
export function compactionWords({ key, tombstoneSeconds }: Compaction): string {
  if (tombstoneSeconds === undefined) return key;
  return `${key}, tombstones ${formatDuration(tombstoneSeconds * 1000)}`;
}

/** @throws {BadValue} */
function parseCompactionText(text: string): Compaction {
  const [, key = "", tombstones] = FORM.exec(text) ?? [];
  const deleteKeepMs = tombstones === undefined ? undefined : durationMs(tombstones.trim());
  const policy: CompactionPolicy = {
    key: key.trimEnd(),
    ...(deleteKeepMs === undefined ? {} : { deleteKeepMs }),
  };
  const isKey = !MISTAKEN.test(key) &&
    isAccepted(() => parseCompaction(formatCompaction(policy)), StreamError);
  if (!isKey) throw new BadValue();
  return deleteKeepMs === undefined
    ? { key: policy.key }
    : { key: policy.key, tombstoneSeconds: deleteKeepMs / 1000 };
}

/** @throws {BadValue} */
function durationMs(text: string): number {
  try {
    const ms = parseDuration(text);
    if (ms % 1000 === 0) return ms;
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
  }
  throw new BadValue();
}
