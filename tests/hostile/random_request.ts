import type { Random } from "../support/random.ts";

/** Values that no well-behaved client sends; all can be written on one line of a request. */
const VALUES = [
  "",
  " ",
  "0",
  "-0",
  "-1",
  "1",
  "007",
  "1e9",
  "1.5",
  "0x10",
  "9007199254740991",
  "9007199254740993",
  "99999999999999999999999999",
  "NaN",
  "Infinity",
  "true",
  "TRUE",
  "false",
  "null",
  "now",
  "-1,-1",
  "*",
  '"',
  '""',
  'W/"x"',
  "ü",
  "\u00ff\u00fe",
  "%00",
  "%zz",
  "..",
  "/",
  "//",
  "a=b;c=d",
  "application/json",
  "application/json; charset=utf-16",
  "text/plain;",
  "/;/",
  "2026-01-01T00:00:00Z",
  "1970-01-01T00:00:00Z",
  "2026-13-45T99:99:99Z",
  "00000000000000000000",
  "00000000000000000003",
  "99999999999999999999",
  "0000000000000000_0000000000000000",
  "00000000-0000000000000003",
  "zzzzzzzz-9999999999999999",
  "long-poll",
  "sse",
  "bytes=0-",
];

/** The headers that the protocol gives a meaning, and some that HTTP does. */
const HEADERS = [
  "Content-Type",
  "Stream-TTL",
  "Stream-Expires-At",
  "Stream-Closed",
  "Stream-Seq",
  "Stream-Expected-Offset",
  "Stream-Forked-From",
  "Stream-Fork-Offset",
  "Stream-Fork-Sub-Offset",
  "Producer-Id",
  "Producer-Epoch",
  "Producer-Seq",
  "If-None-Match",
  "If-Match",
  "Range",
  "Accept",
  "Accept-Encoding",
  "Origin",
  "Last-Event-ID",
  "Expect",
];

const QUERIES = ["offset", "live", "cursor", "time", "tail", "limit", "prefix", "after", "unknown"];
const METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE", "QUERY"];
const NAMES = [
  "a",
  "b",
  "a/b",
  "a%2Fb",
  "a//b",
  "ü",
  "%C3%BC",
  "%00",
  "%ff",
  "%",
  "__ds",
  "__ds/streams",
  ".",
  "..%2f..",
  "+",
  "a b",
];

/** A request as someone might send it who means no good, or has a bug. */
export interface RandomRequest {
  readonly method: string;
  /** What follows the prefix, query included. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** Makes one up. */
export function randomRequest(random: Random): RandomRequest {
  const headers = Array.from(
    { length: random.below(6) },
    () => [random.pick(HEADERS), value(random)] as const,
  );
  const query = Array.from(
    { length: random.below(4) },
    () => `${random.pick(QUERIES)}=${value(random).replaceAll(/[ #]/g, "+")}`,
  );
  return {
    method: random.pick(random.chance(0.8) ? METHODS.slice(0, 5) : METHODS),
    target: `${name(random)}${query.length > 0 ? `?${query.join("&")}` : ""}`,
    headers,
    body: random.pick([
      "",
      "",
      "x",
      "[1,2]",
      "[",
      '{"a":1}',
      "\u0000",
      "[[[[[[[[",
      "x".repeat(5000),
    ]),
  };
}

function name(random: Random): string {
  const kind = random.below(20);
  if (kind === 0) return "n".repeat(random.pick([1000, 1024, 1025, 5000]));
  if (kind === 1) return "s/".repeat(random.pick([10, 500]));
  return random.pick(NAMES);
}

function value(random: Random): string {
  const kind = random.below(20);
  if (kind === 0) return random.pick(VALUES).repeat(random.pick([2, 50]));
  if (kind === 1) return "v".repeat(random.pick([300, 4000]));
  if (kind === 2) return mutate(random.pick(VALUES), random);
  return random.pick(VALUES);
}

function mutate(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  const added = random.pick(["0", "-", " ", ",", ";", "%", "\t", "ÿ"]);
  return text.slice(0, at) + added + text.slice(at + random.below(2));
}
