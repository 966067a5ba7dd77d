import { deepEqual, equal } from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { encodeUtf8, NO_BYTES } from "../../src/protocol/bytes.ts";
import { splitJson, toJsonArray } from "../../src/protocol/json.ts";
import { encodeSseFrame, SSE_KEEP_ALIVE, type SseFormat } from "../../src/protocol/sse.ts";
import { parseControl, parseSse } from "../support/sse_parser.ts";

const TEXT: SseFormat = { json: false, encoding: "text" };
const JSON_FORMAT: SseFormat = { json: true, encoding: "text" };
const BINARY: SseFormat = { json: false, encoding: "base64" };
const JSON_BINARY: SseFormat = { json: true, encoding: "base64" };
const OPEN = { nextOffset: "abc_3", cursor: 7, upToDate: true, closed: false };

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function frameText(data: Uint8Array, format: SseFormat, control = OPEN): string {
  return decoder.decode(encodeSseFrame(data, format, control));
}

/** The data event's content, after a check that it is followed by its control event only. */
function dataOf(data: Uint8Array, format: SseFormat): string | undefined {
  const { events, comments } = parseSse(frameText(data, format));
  deepEqual(comments, []);
  equal(parseControl(events.at(-1)).streamNextOffset, "abc_3");
  if (events.length === 1) return undefined;
  deepEqual(events.map(({ type }) => type), ["data", "control"]);
  return events[0]?.data;
}

Deno.test("a frame with data is the data event and its control event in one", () => {
  equal(
    frameText(encodeUtf8("abc"), TEXT),
    "event: data\ndata:abc\nid:abc_3\n\n" +
      'event: control\ndata:{"streamNextOffset":"abc_3","streamCursor":"7","upToDate":true}\n\n',
  );
});

Deno.test("every event's id is where to go on after it, and the closure's says closed", () => {
  const ids = (data: Uint8Array, format: SseFormat, closed: boolean) =>
    parseSse(frameText(data, format, { ...OPEN, closed })).events.map(({ lastEventId }) =>
      lastEventId
    );
  const formats = [TEXT, JSON_FORMAT, BINARY, JSON_BINARY];
  for (const format of formats) {
    const data = format.json
      ? splitJson(encodeUtf8("[1,2]")).bytes
      : encodeUtf8("\nid:x\n\nid:y\n");
    deepEqual(ids(data, format, false), ["abc_3", "abc_3"]);
    deepEqual(ids(data, format, true), ["abc_3", "abc_3_closed"]);
    deepEqual(ids(NO_BYTES, format, false), ["abc_3"]);
    deepEqual(ids(NO_BYTES, format, true), ["abc_3_closed"]);
  }
});

Deno.test("a frame without data is the control event alone", () => {
  equal(dataOf(NO_BYTES, TEXT), undefined);
  equal(dataOf(NO_BYTES, JSON_FORMAT), undefined);
  equal(dataOf(NO_BYTES, BINARY), undefined);
});

Deno.test("control: a reader that isn't caught up is not told so", () => {
  const { events } = parseSse(frameText(NO_BYTES, TEXT, { ...OPEN, upToDate: false }));
  deepEqual(parseControl(events[0]), {
    streamNextOffset: "abc_3",
    streamCursor: "7",
  });
});

Deno.test("control: the end of a closed stream says closed and up to date, without a cursor", () => {
  const { events } = parseSse(frameText(NO_BYTES, TEXT, { ...OPEN, closed: true }));
  deepEqual(parseControl(events[0]), {
    streamNextOffset: "abc_3",
    upToDate: true,
    streamClosed: true,
  });
});

Deno.test("the keep-alive is a comment: a parser hands out nothing", () => {
  deepEqual(parseSse(decoder.decode(SSE_KEEP_ALIVE)), { events: [], comments: [""] });
});

const TEXTS: readonly (readonly [string, string, string])[] = [
  ["an LF is a new data line", "a\nb", "a\nb"],
  ["a CRLF and a CR count as line ends, too", "a\r\nb\rc", "a\nb\nc"],
  ["a line end at the end stays", "a\n", "a\n"],
  ["empty lines stay", "\n\n", "\n\n"],
  ["leading spaces stay", " a\n  b\n c", " a\n  b\n c"],
  [
    "what looks like an event is data",
    "\n\nevent: control\ndata: {}\n\n",
    "\n\nevent: control\ndata: {}\n\n",
  ],
  ["what looks like a comment is data", ":x", ":x"],
  ["a byte order mark stays", "\ufeffa", "\ufeffa"],
  ["other line separators are left alone", "a\u2028b\u0085c\u000bd", "a\u2028b\u0085c\u000bd"],
];

for (const [title, text, expected] of TEXTS) {
  Deno.test(`text: ${title}`, () => equal(dataOf(encodeUtf8(text), TEXT), expected));
}

Deno.test("JSON: a data event is one array on one line", () => {
  const text = frameText(splitJson(encodeUtf8(`[{"a": 1},"b"]`)).bytes, JSON_FORMAT);
  equal(text.split("\n")[1], `data:[{"a": 1}, "b"]`);
});

Deno.test("bytes are base64 with its padding", () => {
  equal(dataOf(Uint8Array.of(1, 2, 3, 4), BINARY), "AQIDBA==");
});

Deno.test("a JSON array is base64 where the type is neither text nor application/json", () => {
  const data = dataOf(splitJson(encodeUtf8(`[1,2]`)).bytes, JSON_BINARY);
  equal(Buffer.from(data ?? "", "base64").toString(), "[1,\n2]");
});

Deno.test("a view into a larger buffer is encoded without its surroundings", () => {
  equal(dataOf(Uint8Array.of(9, 1, 2, 3, 9).subarray(1, 4), BINARY), "AQID");
});

const someText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom(" ", "\n", "\r", ":", "a", "data:", "é", "\u0000") }),
).map((text) => text.toWellFormed());

Deno.test("text, any: a parser gets it back up to the kind of line end", () => {
  fc.assert(fc.property(someText, (text) => {
    equal(
      dataOf(encodeUtf8(text), TEXT),
      text === "" ? undefined : text.replaceAll(/\r\n|\r/g, "\n"),
    );
  }));
});

Deno.test("bytes, any: a parser gets them back", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    deepEqual(
      Buffer.from(dataOf(bytes, BINARY) ?? "", "base64"),
      Buffer.from(bytes),
    );
  }));
});

Deno.test("JSON, any values: a parser gets the same array as a catch-up reader", () => {
  fc.assert(fc.property(fc.array(fc.json(), { minLength: 1 }), (values) => {
    const { bytes } = splitJson(encodeUtf8(`[${values.join(",\n")}]`));
    deepEqual(
      JSON.parse(dataOf(bytes, JSON_FORMAT) ?? ""),
      JSON.parse(decoder.decode(toJsonArray(bytes))),
    );
  }));
});

Deno.test("any data never makes an event of its own", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
    equal(parseSse(frameText(bytes, TEXT)).events.length, 2);
  }));
});
