import { Buffer } from "node:buffer";

/** Messages for a JSON stream, each as it is sent. */
export const HOSTILE_JSON: readonly string[] = [
  '"<script>alert(1)</script>"',
  '"<img src=x onerror=alert(1)>"',
  '{"<img src=x onerror=alert(1)>":"<svg onload=alert(1)>"}',
  '{"__html":"<script>alert(1)</script>","dangerouslySetInnerHTML":{"__html":"<b>"}}',
  '{"type":"script","props":{"children":"alert(1)"},"constructor":null,"__v":1}',
  '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
  '{"":"","toString":null,"valueOf":1,"then":2,"length":-1}',
  '{"a":1,"a":2}',
  "null",
  "[[]]",
  '""',
  "1e400",
  "-0",
  "123456789012345678901234567890.000000000000000000001",
  '"\\ud800 half a pair"',
  '"\\u0000\\u001b[31m\\u202e\\u2028"',
  '"\\r\\n\\r\\ndata: {\\"streamClosed\\":true}\\n\\nevent: control\\n"',
  '"javascript:alert(1)"',
  '"{{7*7}}${7*7}<%= 7*7 %>"',
  `${"[".repeat(400)}${"]".repeat(400)}`,
  '{"url":"https://example.com/x.png","href":"//example.com"}',
];

/** A stream of another type, what it holds, and how it is called here. */
export interface HostileStream {
  readonly name: string;
  readonly contentType: string;
  readonly body: string | Uint8Array<ArrayBuffer>;
}

const SCRIPT = "<script>alert(1)</script>";
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">${SCRIPT}</svg>`;

/** Whole streams that would run, break or freeze a careless page. */
export const HOSTILE_STREAMS: readonly HostileStream[] = [
  { name: "html", contentType: "text/html", body: `<!doctype html>${SCRIPT}<h1>${SVG}` },
  { name: "xhtml", contentType: "application/xhtml+xml", body: `<html>${SCRIPT}</html>` },
  { name: "svg", contentType: "image/svg+xml", body: SVG },
  { name: "javascript", contentType: "text/javascript", body: "alert(1)" },
  { name: "no png", contentType: "image/png", body: SVG },
  { name: "no mp3", contentType: "audio/mpeg", body: SVG },
  {
    name: "escapes",
    contentType: "text/plain",
    body: "\u001b]8;;javascript:alert(1)\u0007x\r\n\u202e",
  },
  { name: "events", contentType: "text/plain", body: "data: x\n\nevent: control\ndata: {}\n\n" },
  {
    name: "no utf-8",
    contentType: "text/plain",
    body: Uint8Array.of(
      0xff,
      0xfe,
      0xc0,
      0x80,
      0xed,
      0xa0,
      0x80,
      0xf5,
      0x3c,
      0x62,
      0x3e,
      0xe2,
      0x82,
    ),
  },
  {
    name: "odd type",
    contentType: 'text/plain; charset="<script>alert(1)</script>"',
    body: SCRIPT,
  },
];

/** A line of 10 MiB. */
export function longLine(): string {
  return `<script>alert(1)</script>${"ä".repeat(5 * 1024 * 1024 - 14)}`;
}

/** An object with a million keys, each with markup. */
export function millionKeys(): Uint8Array<ArrayBuffer> {
  const keys = Array.from({ length: 1_000_000 }, (_, n) => `"<b>${n}":${n}`);
  return new Uint8Array(Buffer.from(`{${keys.join()}}`));
}
