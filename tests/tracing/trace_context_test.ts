import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { formatTraceparent, parseTraceparent } from "../../src/tracing/trace_context.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

Deno.test("a traceparent is read", () => {
  const context = { traceId: TRACE, spanId: SPAN };
  deepEqual(parseTraceparent(`00-${TRACE}-${SPAN}-01`), { ...context, isSampled: true });
  deepEqual(parseTraceparent(`00-${TRACE}-${SPAN}-00`), { ...context, isSampled: false });
});

Deno.test("of a traceparent's flags only the one for sampling counts", () => {
  equal(parseTraceparent(`00-${TRACE}-${SPAN}-ff`)?.isSampled, true);
  equal(parseTraceparent(`00-${TRACE}-${SPAN}-02`)?.isSampled, false);
});

Deno.test("what a later version appends to a traceparent is skipped", () => {
  const context = { traceId: TRACE, spanId: SPAN, isSampled: true };
  deepEqual(parseTraceparent(`01-${TRACE}-${SPAN}-01`), context);
  deepEqual(parseTraceparent(`cc-${TRACE}-${SPAN}-01-what-the-future-brings`), context);
});

const INVALID: readonly [string, string | null][] = [
  ["no header", null],
  ["an empty one", ""],
  ["upper case in the trace's id", `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ["upper case in the span's id", `00-${TRACE}-${SPAN.toUpperCase()}-01`],
  ["the version ff", `ff-${TRACE}-${SPAN}-01`],
  ["a version that is no number", `0g-${TRACE}-${SPAN}-01`],
  ["a trace's id of zeros", `00-${"0".repeat(32)}-${SPAN}-01`],
  ["a span's id of zeros", `00-${TRACE}-${"0".repeat(16)}-01`],
  ["a trace's id that is too short", `00-${TRACE.slice(1)}-${SPAN}-01`],
  ["a trace's id that is too long", `00-${TRACE}0-${SPAN}-01`],
  ["a span's id that is too short", `00-${TRACE}-${SPAN.slice(1)}-01`],
  ["a span's id that is too long", `00-${TRACE}-${SPAN}0-01`],
  ["flags of one digit", `00-${TRACE}-${SPAN}-1`],
  ["flags that are no number", `00-${TRACE}-${SPAN}-0x`],
  ["no flags", `00-${TRACE}-${SPAN}`],
  ["more behind version 00", `00-${TRACE}-${SPAN}-01-more`],
  ["a dash behind version 00", `00-${TRACE}-${SPAN}-01-`],
  ["more behind a later version without a dash", `01-${TRACE}-${SPAN}-01more`],
  ["a later version that is very long", `01-${TRACE}-${SPAN}-01-${"x".repeat(10_000)}`],
  ["two of them, as a proxy joins them", `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
  ["spaces", ` 00-${TRACE}-${SPAN}-01`],
  ["another line", `00-${TRACE}-${SPAN}-01\n`],
  ["other dashes", `00_${TRACE}_${SPAN}_01`],
  ["digits that are none in ASCII", `00-${"٣".repeat(32)}-${SPAN}-01`],
];

for (const [name, value] of INVALID) {
  Deno.test(`a traceparent isn't taken with ${name}`, () => {
    equal(parseTraceparent(value), undefined);
  });
}

Deno.test("a traceparent that was written is read as what it was", () => {
  const digits = (length: number) =>
    fc.array(fc.constantFrom(..."0123456789abcdef"), { minLength: length, maxLength: length })
      .map((chars) => chars.join("")).filter((text) => /[^0]/.test(text));
  const contexts = fc.record({ traceId: digits(32), spanId: digits(16), isSampled: fc.boolean() });
  fc.assert(fc.property(contexts, (context) => {
    deepEqual(parseTraceparent(formatTraceparent(context)), context);
  }));
});

Deno.test("whatever a client sends as traceparent is taken or not, and nothing else", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    equal(parseTraceparent(text), undefined);
  }));
});
