import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import { scanJson } from "../../src/protocol/json_scan.ts";
import { scanSpans } from "../../src/protocol/json_spans.ts";

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Whether the runtime takes it for JSON. */
function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(strictUtf8.decode(bytes));
    return true;
  } catch {
    return false;
  }
}

/** The scan takes what the runtime takes, and finds the messages that a search for brackets finds. */
function check(bytes: Uint8Array): void {
  const scan = scanJson(bytes, Infinity);
  equal(scan !== undefined, isJson(bytes), JSON.stringify(String.fromCharCode(...bytes)));
  if (scan === undefined) return;
  deepEqual(scan.spans, scanSpans(bytes, Infinity).spans);
  equal(scan.hasLineBreaks, bytes.includes(0x0a) || bytes.includes(0x0d));
}

Deno.test("every short text of tokens' bytes is taken or refused as the runtime does", () => {
  const bytes = encodeUtf8('{}[]:,"\\ \n-+.0e1u');
  const texts: number[][] = [[]];
  for (const text of texts) {
    check(Uint8Array.from(text));
    if (text.length < 4) { for (const byte of bytes) texts.push([...text, byte]); }
  }
});

Deno.test("every byte is taken or refused as the runtime does, wherever it comes", () => {
  const before = [
    "",
    '"',
    '"\\',
    '"\\u',
    '"\\u12',
    "tru",
    "nul",
    "[fals",
    "1",
    "1.",
    "1e",
    "-",
    '{"a"',
  ];
  for (const head of before) {
    for (let byte = 0; byte < 256; byte++) {
      for (const tail of ["", '"', "e", "l]", "1", '34ff"', 'd00"']) {
        check(Uint8Array.from([...encodeUtf8(head), byte, ...encodeUtf8(tail)]));
      }
    }
  }
});

Deno.test("characters of several bytes are taken as UTF-8 has them, at every edge", () => {
  const edges = [0x00, 0x22, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xff];
  for (let first = 0x80; first < 256; first++) {
    for (const second of edges) {
      check(Uint8Array.of(0x22, first, second, 0x22));
      for (const third of edges) {
        check(Uint8Array.of(0x22, first, second, third, 0x22));
        for (const fourth of [0x22, 0x7f, 0x80, 0xbf, 0xc0]) {
          check(Uint8Array.of(0x22, first, second, third, fourth, 0x22));
        }
      }
    }
  }
});

Deno.test("in strings of every length, whatever stands where is seen", () => {
  for (const length of [0, 1, 3, 14, 15, 16, 17, 18, 19, 20, 21, 40]) {
    for (let at = 0; at < length; at++) {
      for (
        const byte of [0x00, 0x0a, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x5b, 0x5c, 0x5d, 0x7f, 0x80, 0xff]
      ) {
        const bytes = new Uint8Array(length + 2).fill(0x78);
        bytes[0] = bytes[length + 1] = 0x22;
        bytes[at + 1] = byte;
        check(bytes);
        // Where it doesn't begin at a word's boundary of its buffer, too.
        check(Uint8Array.of(0x20, ...bytes).subarray(1));
      }
    }
  }
});

const edits = fc.array(
  fc.record({
    at: fc.nat(),
    kind: fc.constantFrom("insert", "replace", "delete"),
    byte: fc.oneof(
      fc.constantFrom(...encodeUtf8('{}[]:,"\\ \n\t\r-+.0123e5utrfalsn/b')),
      fc.nat({ max: 255 }),
    ),
  }),
  { maxLength: 3 },
);

Deno.test("documents, whole and with bytes changed, are taken or refused as the runtime does", () => {
  fc.assert(
    fc.property(
      fc.json({ noUnicodeString: false }),
      fc.nat({ max: 2 }),
      edits,
      (text, indent, edits) => {
        const value: unknown = JSON.parse(text);
        const bytes = [...encodeUtf8(JSON.stringify(value, undefined, indent))];
        for (const { at, kind, byte } of edits) {
          const place = at % (bytes.length + 1);
          if (kind === "insert") bytes.splice(place, 0, byte);
          else if (kind === "replace") bytes.splice(place, 1, byte);
          else bytes.splice(place, 1);
        }
        check(Uint8Array.from(bytes));
      },
    ),
    { numRuns: 5000 },
  );
});

Deno.test("what nests deeper than the limit is refused, and nothing else", () => {
  const nested = (depth: number) =>
    encodeUtf8('[{"a":'.repeat(depth / 2) + "[]" + "}]".repeat(depth / 2));
  equal(scanJson(nested(10), 11) !== undefined, true);
  equal(scanJson(nested(10), 10), undefined);
  equal(scanJson(encodeUtf8("[]"), 0), undefined);
  equal(scanJson(encodeUtf8("{}"), 0), undefined);
  equal(scanJson(encodeUtf8('"a"'), 0) !== undefined, true);
});
