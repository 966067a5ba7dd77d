import { NOW, parsePlace, START } from "../../client/place.ts";
import { ClientError } from "../../client/client_error.ts";
import { parseTime } from "../../protocol/time.ts";
import { BadValue, type Flag, optionalFlag } from "../flag.ts";
import { parseDuration, UnitError } from "../units.ts";

/** Where a command begins to read. */
export type StartingPoint =
  | { readonly kind: "place"; readonly offset: string }
  /** The first that was written at this time or later. */
  | { readonly kind: "time"; readonly atMs: number }
  | { readonly kind: "ago"; readonly ms: number };

/** `--from` of `read` and `tail`. */
export const fromFlag: Flag<StartingPoint | undefined> = optionalFlag({
  name: "from",
  placeholder: "point",
  help:
    "Where to begin: an offset, start, now, a time (2030-01-31T12:00:00Z), or how long ago (10m). " +
    "Times need this project's server, and up to 4 KiB of what is older may come first.",
  accepts: "an offset, start, now, an RFC 3339 time, or a duration (30s, 10m, 24h)",
  default: { kind: "place", offset: START },
  defaultText: "start",
  commandLineOnly: true,
  parse: parseStartingPoint,
});

function parseStartingPoint(text: string): StartingPoint {
  if (text === "start") return { kind: "place", offset: START };
  if (text === "now") return { kind: "place", offset: NOW };
  const atMs = parseTime(text);
  if (atMs !== undefined) return { kind: "time", atMs };
  // What looks like a time and is none was hardly meant to be an offset.
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

function durationIn(text: string): number | undefined {
  try {
    return parseDuration(text);
  } catch (error) {
    if (error instanceof UnitError) return undefined;
    throw error;
  }
}
