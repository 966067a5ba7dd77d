import { NOW, parsePlace, START } from "../../client/transport/place.ts";
import { ClientError } from "../../client/errors/client_error.ts";
import { parseTime } from "../../protocol/time.ts";
import { BadValue, type Flag, optionalFlag } from "./flag.ts";
import { UsageError } from "./usage_error.ts";
import { parseDuration, UnitError } from "./units.ts";

/** Where a command begins to read. */
export type StartingPoint =
  | { readonly kind: "place"; readonly offset: string }
  /** The first message that was written at this time or later. */
  | { readonly kind: "time"; readonly atMs: number }
  | { readonly kind: "ago"; readonly ms: number };

const TIME_FORM =
  "an RFC 3339 time such as 2030-01-31T12:00:00Z (its zone is needed), a date (midnight UTC)";

/** `--from` of `read` and `tail`. */
export const fromFlag: Flag<StartingPoint | undefined> = optionalFlag({
  name: "from",
  placeholder: "point",
  help:
    "Where to begin: an offset, start, now, a time (2030-01-31T12:00:00Z), or how long ago (10m). " +
    "Times need this project's server, and up to 4 KiB of what is older may come first.",
  accepts: `an offset, start, now, ${TIME_FORM}, or a duration (30s, 10m, 7d)`,
  default: { kind: "place", offset: START },
  defaultText: "start",
  commandLineOnly: true,
  parse: parseStartingPoint,
});

/** `--since` of `read` and `tail`: as `--from`, of times only. */
export const sinceFlag: Flag<StartingPoint | undefined> = optionalFlag<StartingPoint>({
  name: "since",
  placeholder: "time",
  help: "Begin with what was written since a time, or for so long: as --from with one (10m, 7d).",
  accepts: `${TIME_FORM}, or a duration (30s, 10m, 7d)`,
  default: { kind: "ago", ms: 0 },
  defaultText: "",
  commandLineOnly: true,
  parse(text): StartingPoint {
    const atMs = timeIn(text);
    if (atMs !== undefined) return { kind: "time", atMs };
    const ms = durationIn(text);
    if (ms === undefined) throw new BadValue();
    return { kind: "ago", ms };
  },
});

/** `--before` of `trim`. */
export const beforeFlag: Flag<StartingPoint | undefined> = optionalFlag<StartingPoint>({
  name: "before",
  placeholder: "point",
  help:
    "Up to where: an offset, now for all there is, a time (2030-01-31T12:00:00Z), or how long ago (7d).",
  accepts: `an offset, now, ${TIME_FORM}, or a duration (30s, 10m, 7d)`,
  default: { kind: "ago", ms: 0 },
  defaultText: "",
  commandLineOnly: true,
  parse(text) {
    const point = parseStartingPoint(text);
    // Nothing lies before the start.
    if (point.kind === "place" && point.offset === START) throw new BadValue();
    return point;
  },
});

/**
 * The point that `--from` or `--since` gives.
 *
 * @throws {UsageError} if both are given
 */
export function chosenPoint(
  from: StartingPoint | undefined,
  since: StartingPoint | undefined,
): StartingPoint | undefined {
  if (from !== undefined && since !== undefined) {
    throw new UsageError("--from and --since both say where to begin; accepted: one of them");
  }
  return from ?? since;
}

function parseStartingPoint(text: string): StartingPoint {
  if (text === "start") return { kind: "place", offset: START };
  if (text === "now") return { kind: "place", offset: NOW };
  const atMs = timeIn(text);
  if (atMs !== undefined) return { kind: "time", atMs };
  // A malformed time is hardly meant to be an offset.
  if (text === "" || /^\d{4}-\d\d-\d\d/.test(text)) throw new BadValue();
  const ms = durationIn(text);
  if (ms !== undefined) return { kind: "ago", ms };
  try {
    parsePlace(text);
    return { kind: "place", offset: text };
  } catch (error) {
    if (error instanceof ClientError) throw new BadValue();
    throw error;
  }
}

/** A time in which the seconds, or the whole time of day, may be left out, but not the zone. */
function timeIn(text: string): number | undefined {
  const [, day, minutes, zone] =
    /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)([Zz]|[+-]\d\d:\d\d))?$/.exec(text) ?? [];
  if (day === undefined) return parseTime(text.replace(/^(\S{10}) /, "$1T"));
  return parseTime(`${day}T${minutes ?? "00:00"}:00${zone ?? "Z"}`);
}

function durationIn(text: string): number | undefined {
  try {
    return parseDuration(text);
  } catch (error) {
    if (error instanceof UnitError) return undefined;
    throw error;
  }
}
