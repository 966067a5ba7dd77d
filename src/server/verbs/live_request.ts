import type { HttpRequest } from "../../http/handler.ts";
import { decodeUtf8 } from "../../protocol/bytes.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import { parseLiveEventId } from "../../protocol/live_event_id.ts";
import { parsePattern } from "../../protocol/name_pattern.ts";
import { isOffset, parseReadOffset, type StreamOffset } from "../../protocol/offset.ts";
import { checkStreamName } from "../../protocol/stream_name.ts";
import type { LiveStart } from "../common/live_change.ts";
import type { LivePatternStart, LiveRequest } from "../live/live_hub.ts";

/** So many streams has a URL at most: some runtimes refuse longer heads. */
const GET_LIMIT = 100;
/** So many patterns has a request at most. */
const PATTERNS_LIMIT = 20;
/** So many streams whose end it knows does a client name at most. */
const ENDED_LIMIT = 10_000;

/** What is between a name and its offset in a URL. */
const SEPARATOR = "@";

/**
 * What a GET asks for: `stream=NAME@OFFSET` and `pattern=PATTERN@-1` (or `@now`), each as often as it takes;
 * a `Last-Event-ID` says how far all of it was followed.
 *
 * @throws {StreamError} `invalid_query`, `invalid_name`, `invalid_offset`
 */
export function parseLiveQuery({ url, headers }: HttpRequest): LiveRequest {
  const parameters = new URL(url).searchParams;
  const streams = parameters.getAll("stream").map((text) => {
    const [name, offset] = splitPlace("stream", text);
    return startOf(name, offset);
  });
  if (streams.length > GET_LIMIT) {
    throw invalid(
      `The query has ${streams.length} streams: a GET takes ${GET_LIMIT} at most, a POST more.`,
    );
  }
  const patterns = parameters.getAll("pattern").map((text) => {
    const [pattern, offset] = splitPlace("pattern", text);
    return patternOf(pattern, offset);
  });
  checkSet(streams, patterns);
  const lastId = headers.get("last-event-id");
  const isLater = lastId !== null && lastId !== "";
  const request: LiveRequest = {
    streams,
    patterns,
    ended: new Map(),
    endedNames: new Set(),
    others: [],
    hasEventIds: true,
    endsWhenEmpty: patterns.length === 0,
  };
  return isLater ? continueAfter(request, lastId) : request;
}

/** The same from where a client was. Streams that it didn't know then begin at their start. */
function continueAfter(request: LiveRequest, lastId: string): LiveRequest {
  const { places, others } = parseLiveEventId(lastId, request.streams.length);
  const endedNames = new Set<string>();
  const streams = request.streams.map((start, i) => {
    const place = places[i] ?? "not begun";
    if (place === "ended") endedNames.add(start.name);
    return typeof place === "string" ? start : { ...start, from: place };
  });
  const ended = others.filter(({ hasEnded }) => hasEnded);
  return {
    ...request,
    streams,
    endedNames,
    patterns: request.patterns.map(({ pattern }) => ({ pattern, from: 0 })),
    ended: new Map(ended.map(({ name, place }) => [checkStreamName(name), place])),
    others: others.filter(({ hasEnded }) => !hasEnded)
      .map(({ name, place }) => ({ name: checkStreamName(name), from: place })),
  };
}

/**
 * What a POST asks for: `{"streams": [{"stream", "offset"}], "patterns": [{"pattern", "offset"}], "ended":
 * [{"stream", "offset"}]}`; `ended` are streams of the patterns that were closed there when the client
 * followed them before.
 *
 * @throws {StreamError} `invalid_json`, `invalid_query`, `invalid_name`, `invalid_offset`
 */
export function parseLiveBody(body: Uint8Array, limit: number): LiveRequest {
  const fields = objectOf(body);
  const streams = startsIn(fields, "streams", limit);
  const patterns = listIn(fields, "patterns", PATTERNS_LIMIT).map((each) =>
    patternOf(textIn(each, "pattern"), textIn(each, "offset"))
  );
  checkSet(streams, patterns);
  const ended = startsIn(fields, "ended", ENDED_LIMIT).flatMap(({ name, from }) =>
    isOffset(from) && typeof from === "object"
      ? [[name, from] satisfies [string, StreamOffset]]
      : []
  );
  return {
    streams,
    patterns,
    ended: new Map(ended),
    endedNames: new Set(),
    others: [],
    hasEventIds: false,
    endsWhenEmpty: false,
  };
}

/**
 * A change of a set: `{"add": [{"stream", "offset"}], "remove": ["name"]}`.
 *
 * @throws {StreamError} `invalid_json`, `invalid_query`, `invalid_name`, `invalid_offset`
 */
export function parseLiveChange(
  body: Uint8Array,
  limit: number,
): { add: LiveStart[]; remove: string[] } {
  const fields = objectOf(body);
  const remove = listIn(fields, "remove", limit).map((name) => {
    if (typeof name === "string") return checkStreamName(name);
    throw malformed("remove isn't a list of names");
  });
  const add = startsIn(fields, "add", limit);
  if (add.length + remove.length === 0) throw malformed("it has neither add nor remove");
  return { add, remove };
}

function splitPlace(parameter: string, text: string): [string, string] {
  const at = text.lastIndexOf(SEPARATOR);
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw invalid(
    `${parameter}=${quote(text)} has no offset: expected ${parameter}=NAME@OFFSET, such as ` +
      `${parameter}=jobs/1@-1.`,
  );
}

function startOf(name: string, offset: string): LiveStart {
  return { name: checkStreamName(name), from: parseReadOffset(offset) };
}

function patternOf(text: string, offset: string): LivePatternStart {
  if (offset !== "-1" && offset !== "now") {
    throw invalid(
      `The pattern ${quote(text)} begins at ${
        quote(offset)
      }: expected -1 or now, for the streams that are ` +
        "there; later ones begin at their start.",
    );
  }
  return { pattern: parseLivePattern(text), from: parseReadOffset(offset) };
}

function parseLivePattern(text: string): LivePatternStart["pattern"] {
  try {
    return parsePattern(text);
  } catch (error) {
    if (error instanceof StreamError) throw invalid(error.message);
    throw error;
  }
}

function checkSet(streams: readonly LiveStart[], patterns: readonly LivePatternStart[]): void {
  if (streams.length + patterns.length === 0) {
    throw invalid(
      "The request names no stream: expected stream=NAME@OFFSET or pattern=PATTERN@-1, or a POST with " +
        "streams or patterns.",
    );
  }
  if (patterns.length > PATTERNS_LIMIT) {
    throw invalid(`The request has ${patterns.length} patterns: at most ${PATTERNS_LIMIT}.`);
  }
  const names = new Set<string>();
  for (const { name } of streams) {
    if (names.has(name)) throw invalid(`The request has the stream ${quote(name)} twice.`);
    names.add(name);
  }
}

function startsIn(fields: object, name: string, limit: number): LiveStart[] {
  return listIn(fields, name, limit).map((each) => ({
    ...startOf(textIn(each, "stream"), textIn(each, "offset")),
    tag: tagIn(each),
  }));
}

function objectOf(body: Uint8Array): object {
  let value: unknown;
  try {
    value = JSON.parse(decodeUtf8(body));
  } catch {
    throw malformed("it is no JSON");
  }
  if (typeof value === "object" && value !== null) return value;
  throw malformed("it is no object");
}

function listIn(fields: object, name: string, limit: number): readonly unknown[] {
  const value: unknown = fieldOf(fields, name) ?? [];
  if (!Array.isArray(value)) throw malformed(`${name} is no list`);
  if (value.length > limit) {
    throw new StreamError(
      { code: "too_many_streams" },
      `The body has ${value.length} ${name}: at most ${limit}.`,
    );
  }
  return value;
}

/** Looked up as it is: thousands of elements have three each. */
function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function textIn(value: unknown, name: string): string {
  const text = fieldOf(value, name);
  if (typeof text === "string") return text;
  throw malformed(`an element has no ${name} that is a text`);
}

/** A number that the client tells its streams apart by, where it gives one. */
function tagIn(value: unknown): number | undefined {
  const tag = fieldOf(value, "tag");
  if (tag === undefined || (typeof tag === "number" && Number.isSafeInteger(tag))) return tag;
  throw malformed("an element has a tag that is no whole number");
}

function malformed(why: string): StreamError {
  return new StreamError(
    { code: "invalid_json" },
    `The body can't be used: ${why}. Expected an object such as ` +
      '{"streams": [{"stream": "jobs/1", "offset": "-1"}]}, or for a change ' +
      '{"add": [{"stream": "jobs/2", "offset": "-1"}], "remove": ["jobs/1"]}.',
  );
}

function invalid(message: string): StreamError {
  return new StreamError({ code: "invalid_query" }, message);
}
