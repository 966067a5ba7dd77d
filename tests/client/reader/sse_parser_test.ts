import { deepEqual as equal } from "node:assert/strict";
import fc from "fast-check";
import { type SseEvent, SseParser } from "../../../src/client/reader/sse_parser.ts";
import { parseSse } from "../../support/sse_parser.ts";

const encoder = new TextEncoder();

function parse(...chunks: (string | Uint8Array)[]): [string, string][] {
  const parser = new SseParser();
  return chunks.flatMap((chunk) =>
    parser.push(typeof chunk === "string" ? encoder.encode(chunk) : new Uint8Array(chunk))
  ).map(toText);
}

function toText({ type, data }: SseEvent): [string, string] {
  return [type, new TextDecoder("utf-8", { ignoreBOM: true }).decode(data)];
}

Deno.test("a field may have a space after its colon, and only one is dropped", () => {
  equal(parse("event:data\ndata:a\ndata: b\ndata:  c\n\n"), [["data", "a\nb\n c"]]);
});

Deno.test("lines end with a line feed, a carriage return, or both", () => {
  equal(parse("data:a\r\n\r\ndata:b\r\rdata:c\n\n"), [["", "a"], ["", "b"], ["", "c"]]);
});

Deno.test("a line end split over two chunks is one", () => {
  equal(parse("data:a\r", "\ndata:b\r", "\n\r", "\n"), [["", "a\nb"]]);
});

Deno.test("an empty chunk between the halves of a line end changes nothing", () => {
  equal(parse("data:a\r", "", "\ndata:b\n\n"), [["", "a\nb"]]);
});

Deno.test("a character split over chunks arrives whole", () => {
  const bytes = encoder.encode("data: 😀é\n\n");
  equal(parse(...Array.from(bytes, (byte) => Uint8Array.of(byte))), [["", "😀é"]]);
});

Deno.test("comments, unknown fields and fields without a colon are passed over", () => {
  equal(parse(": hello\n:\nid: 1\nretry: 5\nwhatever: x\ndatum\ndata\ndata:\n\n"), [["", "\n"]]);
});

Deno.test("an event without data is none, and its type doesn't pass to the next one", () => {
  equal(parse("event: control\n\ndata: x\n\n"), [["", "x"]]);
});

Deno.test("a byte order mark at the very start is dropped, split or not, and kept elsewhere", () => {
  equal(parse("\ufeffdata: x\n\n\ufeffdata: y\n\n"), [["", "x"]]);
  equal(parse(Uint8Array.of(0xef), Uint8Array.of(0xbb, 0xbf), "data: x\n\n"), [["", "x"]]);
  equal(parse("data:\ufeffx\n\n"), [["", "\ufeffx"]]);
});

Deno.test("an event that isn't finished is not returned, and isMidEvent says so", () => {
  for (const text of ["d", "data: x", "data: x\n", "event: data\n"]) {
    const parser = new SseParser();
    equal(parser.push(encoder.encode(text)), []);
    equal(parser.isMidEvent, true, text);
  }
  const parser = new SseParser();
  parser.push(encoder.encode("data: x\n\n:\n\n"));
  equal(parser.isMidEvent, false);
});

Deno.test("whatever the pieces, the events are those of the whole", () => {
  const part = fc.constantFrom(
    "data",
    "event",
    "control",
    ":",
    ": ",
    " ",
    "\n",
    "\r\n",
    "\r",
    "\n\n",
    "é😀",
    "\ufeff",
    "x",
    "id",
  );
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 40 }),
      fc.array(fc.nat(200), { maxLength: 10 }),
      (parts, cuts) => {
        const bytes = encoder.encode(parts.join(""));
        const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length];
        places.sort((a, b) => a - b);
        const chunks = places.slice(1).map((end, i) => bytes.subarray(places[i], end));
        // The client goes by the offset in the control events, and has no use for ids.
        const expected = parseSse(parts.join("")).events.map(({ type, data }) => ({ type, data }));
        const events = parse(...chunks).map(([type, data]) => ({ type: type || "message", data }));
        equal(events, expected);
      },
    ),
    { numRuns: 1_000 },
  );
});

Deno.test("id, retry and what else a server adds to an event is passed over", () => {
  const text = "id: 00_7\nevent: data\ndata: a\n\nid\nretry: 5\n\nid:7\n\n" +
    "event: control\ndata: b\nid: 8\n\n";
  equal(parse(text), [["data", "a"], ["control", "b"]]);
  equal(parse("id: 7\n", "\nid", ": 8\ndata: c\n\n"), [["", "c"]]);
});
