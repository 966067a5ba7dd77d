import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { CLOSE, Fixture, settle, TEXT } from "../../support/fixture.ts";
import { SseConnection } from "../../support/sse_connection.ts";

/** Text over SSE: line ends, spaces, and characters and CRLFs that arrive in pieces (PROTOCOL §5.8). */

const EURO = new TextEncoder().encode("€");

async function connect(served: Fixture, from = "-1"): Promise<SseConnection> {
  return new SseConnection(await served.get(`a?offset=${from}&live=sse`));
}

async function textOf(content: string): Promise<string | undefined> {
  const served = new Fixture();
  await served.make("a", { ...TEXT, ...CLOSE }, content);
  return (await (await connect(served)).frame()).data;
}

Deno.test("SSE text: every kind of line end becomes a line feed", async () => {
  equal(await textOf("a\nb\r\nc\rd\n"), "a\nb\nc\nd\n");
});

Deno.test("SSE text: leading spaces stay", async () => {
  equal(await textOf(" a\n  b"), " a\n  b");
});

Deno.test("SSE text: data that looks like events stays data", async () => {
  const injected = 'x\n\nevent: control\ndata: {"streamClosed":true}\n\n';
  equal(await textOf(injected), injected);
});

Deno.test("SSE text: an unfinished character is held back until its rest comes", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "1");
  const sse = await connect(served);
  await sse.frame();
  await served.append("a", TEXT, Uint8Array.of(0x32, ...EURO.subarray(0, 1)));
  const first = await sse.frame();
  equal(first.data, "2");
  equal(first.control.streamNextOffset, served.offset(2));
  await served.append("a", TEXT, EURO.subarray(1, 2));
  await settle();
  await served.append("a", TEXT, Uint8Array.of(...EURO.subarray(2), 0x33));
  const second = await sse.frame();
  equal(second.data, "€3");
  equal(second.control.streamNextOffset, served.offset(6));
  await sse.cancel();
});

Deno.test("SSE text: a reader that comes back at an offset inside a character gets it whole", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, Uint8Array.of(0x31, ...EURO.subarray(0, 2)));
  const { control } = await (await connect(served)).frame();
  equal(control.streamNextOffset, served.offset(1));
  await served.append("a", TEXT, EURO.subarray(2));
  equal((await (await connect(served, control.streamNextOffset)).frame()).data, "€");
});

Deno.test("SSE text: a stream of nothing but an unfinished character begins with a control event", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, EURO.subarray(0, 1));
  const sse = await connect(served);
  const first = await sse.frame();
  equal(first.data, undefined);
  equal(first.control.streamNextOffset, served.offset(0));
  await served.append("a", TEXT, EURO.subarray(1));
  equal((await sse.frame()).data, "€");
  await sse.cancel();
});

Deno.test("SSE text: a character that never gets its rest is flushed at the closure", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, Uint8Array.of(0x31, ...EURO.subarray(0, 2)));
  const sse = await connect(served);
  equal((await sse.frame()).data, "1");
  await served.append("a", CLOSE, undefined);
  const { data, control } = await sse.frame();
  equal(data, "\ufffd");
  equal(control.streamNextOffset, served.offset(3));
  equal(control.streamClosed, true);
  equal(await sse.chunk(), undefined);
});

Deno.test("SSE text: bytes that are no UTF-8 are sent at once, as replacement characters", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, Uint8Array.of(0xff, 0x31));
  const sse = await connect(served);
  equal((await sse.frame()).data, "\ufffd1");
  await sse.cancel();
});

Deno.test("SSE text: an unfinished character before a message that is larger than a chunk", async () => {
  const served = new Fixture({ chunkBytes: 4096 });
  await served.make("a", TEXT);
  const sse = await connect(served);
  await sse.frame();
  const long = Uint8Array.from({ length: 10_000 }, () => 0x78);
  const rest = Uint8Array.of(...EURO.subarray(1), ...long);
  await served.append("a", TEXT, EURO.subarray(0, 1));
  await served.append("a", TEXT, rest);
  const { data, control } = await sse.frame();
  equal(data, `€${"x".repeat(10_000)}`);
  equal(control.streamNextOffset, served.offset(10_003));
  equal(control.upToDate, true);
  await sse.cancel();
});

Deno.test("SSE text: a chunk that ends in a character goes on with it, at one place in the stream", async () => {
  const served = new Fixture({ chunkBytes: 4096 });
  const text = "€".repeat(20_000);
  const bytes = new TextEncoder().encode(text);
  await served.make("a", TEXT);
  for (let at = 0; at < bytes.length; at += 1000) {
    await served.append("a", TEXT, bytes.subarray(at, at + 1000));
  }
  await served.append("a", CLOSE, undefined);
  const sse = await connect(served);
  const pieces: string[] = [];
  const offsets: string[] = [];
  for (let closed = false; !closed;) {
    const { data, control } = await sse.frame();
    pieces.push(data ?? "");
    offsets.push(control.streamNextOffset);
    closed = control.streamClosed === true;
  }
  equal(pieces.join(""), text);
  deepEqual(offsets, [...new Set(offsets)].sort());
});

Deno.test("SSE text: a CRLF that two appends share is one line end", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "1\r");
  const sse = await connect(served);
  const first = await sse.frame();
  equal(first.data, "1");
  equal(first.control.streamNextOffset, served.offset(1));
  equal(first.control.upToDate, true);
  await served.append("a", TEXT, "\n2");
  const second = await sse.frame();
  equal(second.data, "\n2");
  equal(second.control.streamNextOffset, served.offset(4));
  await sse.cancel();
});

Deno.test("SSE text: a CR that no LF follows is a line end of its own", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "1\r\r");
  const sse = await connect(served);
  equal((await sse.frame()).data, "1\n");
  await served.append("a", TEXT, "2");
  equal((await sse.frame()).data, "\n2");
  await sse.cancel();
});

Deno.test("SSE text: a stream of nothing but a CR begins with a control event", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "\r");
  const sse = await connect(served);
  const { data, control } = await sse.frame();
  equal(data, undefined);
  equal(control.streamNextOffset, served.offset(0));
  await served.append("a", TEXT, "\n");
  equal((await sse.frame()).data, "\n");
  await sse.cancel();
});

Deno.test("SSE text: a reader that comes back at the offset before a CR gets the CRLF whole", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "1\r");
  const { control } = await (await connect(served)).frame();
  await served.append("a", TEXT, "\n");
  equal((await (await connect(served, control.streamNextOffset)).frame()).data, "\n");
});

Deno.test("SSE text: a last CR is sent with the closure, at once where that is there already", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "1\r");
  const sse = await connect(served);
  await sse.frame();
  await served.append("a", CLOSE, undefined);
  const { data, control } = await sse.frame();
  equal(data, "\n");
  equal(control.streamNextOffset, served.offset(2));
  equal(control.streamClosed, true);
  equal(await textOf("1\r"), "1\n");
});

Deno.test("SSE text: a CRLF around the end of a chunk is one line end", async () => {
  const served = new Fixture({ chunkBytes: 4096 });
  const line = `${"x".repeat(4095)}\r`;
  await served.make("a", TEXT, line);
  await served.append("a", { ...TEXT, ...CLOSE }, `\n${line}`);
  const sse = await connect(served);
  equal((await sse.frame()).data, "x".repeat(4095));
  equal((await sse.frame()).data, `\n${"x".repeat(4095)}\n`);
});

/** What is cut at a bad place if anything is: line ends, characters of each length, bytes that are none. */
const piece = fc.constantFrom(
  ...["\r", "\n", "\r\n", "a", " ", "\0", "\u2028", "\u0085", "\ufeff", "é", "€", "😀"].map((
    text,
  ) => new TextEncoder().encode(text)),
  Uint8Array.of(0xff),
  Uint8Array.of(0x80),
  Uint8Array.of(0xe2, 0x82),
  Uint8Array.of(0xe0, 0x80),
  Uint8Array.of(0xf0, 0x9f),
  Uint8Array.of(0xf4, 0x90),
);
const someBytes = fc.array(piece, { minLength: 1, maxLength: 8 }).map((pieces) =>
  Uint8Array.from(pieces.flatMap((part) => [...part]))
);

Deno.test("SSE text: wherever appends cut it, a reader that comes back gets what one of the whole does", async () => {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  await fc.assert(
    fc.asyncProperty(someBytes, fc.boolean(), async (bytes, comesBack) => {
      const whole = decoder.decode(bytes).replaceAll(/\r\n|\r/g, "\n");
      for (let cut = 1; cut <= bytes.length; cut++) {
        equal(await readInTwo(bytes, cut, comesBack), whole, `cut at ${cut}`);
      }
    }),
    { numRuns: 150 },
  );
});

/** What an SSE reader gets of bytes that are appended in two, and then the closure. */
async function readInTwo(bytes: Uint8Array<ArrayBuffer>, cut: number, comesBack: boolean) {
  const served = new Fixture();
  await served.make("a", TEXT, bytes.subarray(0, cut));
  let sse = await connect(served);
  let { data: text = "", control } = await sse.frame();
  if (cut < bytes.length) await served.append("a", TEXT, bytes.subarray(cut));
  await served.append("a", CLOSE, undefined);
  if (comesBack) {
    await sse.cancel();
    sse = await connect(served, control.streamNextOffset);
  }
  while (control.streamClosed !== true) {
    const before: string = control.streamNextOffset;
    const frame = await sse.frame();
    text += frame.data ?? "";
    control = frame.control;
    ok(control.streamNextOffset >= before);
  }
  equal(control.streamNextOffset, served.offset(bytes.length));
  return text;
}
