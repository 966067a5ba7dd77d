import { quote, StreamError } from "./errors.ts";
import { nameDefect } from "./stream_name.ts";

/** A pattern has at most so many segments. */
export const PATTERN_LIMIT_SEGMENTS = 64;

/** The segment that matches one segment of a name, whatever it holds. */
export const STAR = "*";
/** The segment that matches any number of segments, also none. */
export const GLOBSTAR = "**";

/**
 * A checked glob over the names of streams (PROTOCOL §6.2). Names are compared decoded, and a name's
 * segments are what its slashes part: `a//b` has three, and the empty one is a segment too.
 */
export interface Pattern {
  /** As it was given. */
  readonly text: string;
  /**
   * The same for all patterns that match the same names: of neighbouring wildcards each `*` comes first,
   * and then at most one `**`.
   */
  readonly segments: readonly string[];
}

/**
 * The pattern that a text stands for.
 *
 * @param text segments parted by slashes: `*`, `**`, or a name's own segment
 * @throws {StreamError} `invalid_subscription`, whose `field` is `pattern`
 */
export function parsePattern(text: string): Pattern {
  const defect = nameDefect(text);
  if (defect !== undefined) throw invalid(text, defect);
  if (text.startsWith("/")) {
    throw invalid(text, "it starts with a slash, and patterns are relative to the streams' root");
  }
  const segments = text.split("/");
  if (segments.length > PATTERN_LIMIT_SEGMENTS) {
    throw invalid(
      text,
      `it has ${segments.length} segments, more than ${PATTERN_LIMIT_SEGMENTS}`,
    );
  }
  const mixed = segments.find((segment) => segment.includes("*") && !isWildcard(segment));
  if (mixed !== undefined) {
    throw invalid(
      text,
      `in its segment ${quote(mixed)} a * stands with other characters, and a segment is either ` +
        `without one, or * (any one segment), or ** (any number of segments)`,
    );
  }
  return { text, segments: normalize(segments) };
}

/** Whether a text is a pattern. */
export function isPattern(text: string): boolean {
  try {
    parsePattern(text);
    return true;
  } catch (error) {
    if (error instanceof StreamError) return false;
    throw error;
  }
}

/** Whether a stream of this name is one that the pattern means. */
export function matches({ segments }: Pattern, name: string): boolean {
  const parts = name.split("/");
  let next = 0;
  let part = 0;
  // Where to go on after a mismatch: only the last ** can take one part more. Those before it have
  // taken as few as they can, which leaves the most to what follows.
  let retryNext = -1;
  let retryPart = 0;
  while (part < parts.length) {
    const segment = segments[next];
    if (segment === GLOBSTAR) {
      next++;
      if (next === segments.length) return true;
      retryNext = next;
      retryPart = part;
    } else if (segment === STAR || segment === parts[part]) {
      next++;
      part++;
    } else if (retryNext === -1) {
      return false;
    } else {
      next = retryNext;
      retryPart++;
      part = retryPart;
    }
  }
  if (segments[next] === GLOBSTAR) next++;
  return next === segments.length;
}

/**
 * Whether every name that `inner` matches is one that `outer` matches. There are names without end, so a
 * wildcard of `inner` stands for segments that `outer` doesn't name: only wildcards of `outer` take it.
 */
export function isWithin(inner: Pattern, outer: Pattern): boolean {
  // A name has at least one segment.
  const units = isEverything(inner) ? [STAR, GLOBSTAR] : inner.segments;
  const { segments } = outer;
  // Places between the units up to which the segments of `outer` so far can take them.
  let places: readonly number[] = [0];
  for (let next = 0; next < segments.length && places.length > 0;) {
    const segment = segments[next] ?? "";
    const stars = countStars(segments, next);
    if (segments[next + stars] === GLOBSTAR) {
      places = placesBehindRun(units, places[0] ?? 0, stars);
      next += stars + 1;
    } else {
      places = places.filter((place) => takes(segment, units[place])).map((place) => place + 1);
      next++;
    }
  }
  return places.includes(units.length);
}

function isEverything({ segments }: Pattern): boolean {
  return segments.length === 1 && segments[0] === GLOBSTAR;
}

function countStars(segments: readonly string[], from: number): number {
  let count = 0;
  while (segments[from + count] === STAR) count++;
  return count;
}

/** What so many stars and a ** take: everything from the first place on that has as many segments at least. */
function placesBehindRun(units: readonly string[], from: number, least: number): number[] {
  const places: number[] = [];
  let segments = 0;
  for (let place = from; place <= units.length; place++) {
    if (segments >= least) places.push(place);
    if (units[place] !== GLOBSTAR) segments++;
  }
  return places;
}

function takes(segment: string, unit: string | undefined): boolean {
  if (unit === undefined || unit === GLOBSTAR) return false;
  return segment === STAR || segment === unit;
}

/**
 * The longest text that all names begin with which the pattern matches: where to look for them in a list
 * in order. Other names begin with it too, as `gh` does with that of `g/**`.
 */
export function literalPrefix({ segments }: Pattern): string {
  const wildcard = segments.findIndex(isWildcard);
  if (wildcard === -1) return segments.join("/");
  const literal = segments.slice(0, wildcard).join("/");
  if (wildcard === 0) return "";
  // A ** at the end matches no segment as well, and then there is no slash.
  const isOptional = segments[wildcard] === GLOBSTAR && wildcard === segments.length - 1;
  return isOptional ? literal : `${literal}/`;
}

function isWildcard(segment: string): boolean {
  return segment === STAR || segment === GLOBSTAR;
}

function normalize(segments: readonly string[]): readonly string[] {
  const normal: string[] = [];
  let hasGlobstar = false;
  for (const segment of segments) {
    if (segment === GLOBSTAR) {
      hasGlobstar = true;
      continue;
    }
    if (hasGlobstar && segment !== STAR) {
      normal.push(GLOBSTAR);
      hasGlobstar = false;
    }
    normal.push(segment);
  }
  if (hasGlobstar) normal.push(GLOBSTAR);
  return normal;
}

function invalid(text: string, why: string): StreamError {
  return new StreamError(
    { code: "invalid_subscription", field: "pattern" },
    `The pattern ${quote(text)} can't be used: ${why}.`,
  );
}
