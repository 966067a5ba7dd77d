import { quote, StreamError } from "../../protocol/errors.ts";
import { OFFSET_PATTERN, parseReadOffset, type ReadFrom } from "../../protocol/offset.ts";
import { parseTime } from "../../protocol/time.ts";

/** The query of a GET. */
export interface ReadQuery {
  from: ReadFrom;
  live: "no" | "long-poll" | "sse";
  cursor: string | null;
  /** Whether the answer says how many messages come before where it ends. */
  ordinals: boolean;
}

/** The queries that nearly all reads have: taking them for any would cost them 2 µs. */
const PLAIN_QUERY = new RegExp(
  `^offset=(${OFFSET_PATTERN}|-1|now)(?:&live=(long-poll|sse))?(?:&cursor=([0-9]{1,16}))?$`,
);

/**
 * Parses the query of a stream's URL (PROTOCOL §5.6–5.8; `time`, `tail`, `last` and `ordinals` are
 * extensions);
 * parameters that mean nothing here are ignored.
 *
 * @throws {StreamError} `invalid_query` or `invalid_offset`
 */
export function parseReadQuery(url: string): ReadQuery {
  const start = url.indexOf("?");
  const query: ReadQuery = { from: 0, live: "no", cursor: null, ordinals: false };
  if (start < 0) return query;
  const plain = PLAIN_QUERY.exec(url.slice(start + 1));
  if (plain !== null) return parsePlain(plain);
  let place: string | undefined;
  for (const [name, value] of new URLSearchParams(url.slice(start + 1))) {
    if (name === "live") {
      query.live = parseLive(value);
    } else if (name === "cursor") {
      query.cursor ??= value;
    } else if (name === "ordinals") {
      query.ordinals = parseOrdinals(value);
    } else if (isPlace(name)) {
      if (place !== undefined) throw twoPositions(place, name);
      place = name;
      query.from = parsePosition(name, value);
    }
  }
  if (place === undefined && query.live !== "no") {
    throw new StreamError(
      { code: "invalid_query" },
      `live=${query.live} needs an offset: -1 for the start, now for the tail, or a ` +
        "Stream-Next-Offset value (or a time, a tail or a last in its place).",
    );
  }
  return query;
}

function parsePlain([, offset = "-1", live, cursor]: RegExpExecArray): ReadQuery {
  return {
    from: parseReadOffset(offset),
    live: live === undefined ? "no" : parseLive(live),
    cursor: cursor ?? null,
    ordinals: false,
  };
}

function twoPositions(one: string, other: string): StreamError {
  return new StreamError(
    { code: "invalid_query" },
    `The query has ${
      one === other ? `${one} twice` : `${one} and ${other}`
    }: a read begins at one offset, time, tail or last.`,
  );
}

function parseLive(value: string): ReadQuery["live"] {
  if (value === "long-poll" || value === "sse") return value;
  throw new StreamError(
    { code: "invalid_query" },
    `live=${quote(value)} is not a way to read: expected long-poll or sse.`,
  );
}

/** The parameters that say where a read begins. */
const PLACES = ["offset", "time", "tail", "last"] as const;

type Place = typeof PLACES[number];

function isPlace(name: string): name is Place {
  return PLACES.some((place) => place === name);
}

/**
 * Whether a query asks for ordinals.
 *
 * @throws {StreamError} `invalid_query`
 */
export function parseOrdinals(value: string): boolean {
  if (value === "true" || value === "false") return value === "true";
  throw new StreamError(
    { code: "invalid_query" },
    `ordinals=${quote(value)} is neither true nor false.`,
  );
}

function parsePosition(name: Place, value: string): ReadFrom {
  switch (name) {
    case "offset":
      return parseReadOffset(value);
    case "time":
      return { sinceMs: parseSince(value) };
    case "tail":
      return { lastBytes: parseLength(value) };
    case "last":
      return { lastMessages: parseCount(value) };
  }
}

function parseSince(value: string): number {
  // In a query + means a space: where it wasn't encoded, it is meant all the same.
  const ms = wholeNumber(value) ?? parseTime(value.replace(" ", "+"));
  if (ms !== undefined) return ms;
  throw new StreamError(
    { code: "invalid_query" },
    `time=${
      quote(value)
    } is not a time: expected RFC 3339 such as 2030-01-31T12:00:00Z, or whole ` +
      "milliseconds since 1970.",
  );
}

function parseLength(value: string): number {
  const bytes = wholeNumber(value);
  if (bytes !== undefined) return bytes;
  throw new StreamError(
    { code: "invalid_query" },
    `tail=${quote(value)} is not a length: expected how many bytes before the tail to begin.`,
  );
}

function parseCount(value: string): number {
  const messages = wholeNumber(value);
  if (messages !== undefined) return messages;
  throw new StreamError(
    { code: "invalid_query" },
    `last=${quote(value)} is not a count: expected how many messages before the tail to begin.`,
  );
}

function wholeNumber(value: string): number | undefined {
  const number = /^[0-9]+$/.test(value) ? Number(value) : NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}
