import { deepEqual, equal, throws } from "node:assert/strict";
import { encodeResponseHead, type ResponseHeadParts } from "../../src/http/response_head.ts";

const DATE = "Thu, 26 Nov 2026 18:19:12 GMT";
const PLACE: ResponseHeadParts = {
  framing: { kind: "length", bytes: 5 },
  keepsAlive: true,
  isHttp11: true,
  date: DATE,
};

function encode(
  headers: Record<string, string>,
  place: Partial<ResponseHeadParts> = {},
  status = 200,
) {
  return encodeResponseHead({ status, headers, body: null }, { ...PLACE, ...place });
}

Deno.test("a response's head, byte for byte", () => {
  equal(
    encode({ "content-type": "text/plain", "etag": '"1"' }),
    'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\netag: "1"\r\n' +
      `date: ${DATE}\r\ncontent-length: 5\r\n\r\n`,
  );
  equal(
    encode({}, { framing: { kind: "none" }, keepsAlive: false }, 204),
    `HTTP/1.1 204 No Content\r\ndate: ${DATE}\r\nconnection: close\r\n\r\n`,
  );
  equal(
    encode({}, { framing: { kind: "chunks" } }),
    `HTTP/1.1 200 OK\r\ndate: ${DATE}\r\ntransfer-encoding: chunked\r\n\r\n`,
  );
  equal(
    encode({}, { isHttp11: false }),
    `HTTP/1.1 200 OK\r\ndate: ${DATE}\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\n`,
  );
});

Deno.test("a response says once whether its connection stays, whatever its own headers say", () => {
  const text = encode({ connection: "close" }, { keepsAlive: false });
  equal(text, `HTTP/1.1 200 OK\r\ndate: ${DATE}\r\nconnection: close\r\ncontent-length: 5\r\n\r\n`);
});

Deno.test("a value beyond ASCII goes out as it came in, a byte a character", () => {
  const head = encode({ "content-type": "text/caf\xe9" });
  deepEqual(head instanceof Uint8Array && [...head.subarray(31, 40)].at(-1), 0xe9);
});

Deno.test("a line is that of the newest value, whatever came before, and of however many names", () => {
  const line = (name: string, value: string) =>
    `HTTP/1.1 200 OK\r\n${name}: ${value}\r\ndate: ${DATE}\r\ncontent-length: 5\r\n\r\n`;
  for (const value of ["a", "a", "b", "\xe9", "\xe9", "a", "b", "\xe9", "b"]) {
    const head = encode({ "x-value": value });
    const text = typeof head === "string" ? head : new TextDecoder("latin1").decode(head);
    equal(text, line("x-value", value));
    equal(typeof head === "string", value !== "\xe9");
  }
  for (let pass = 0; pass < 2; pass++) {
    for (let number = 0; number < 200; number++) {
      const name = `x-${number}`;
      equal(encode({ [name]: `v${number}` }), line(name, `v${number}`));
    }
  }
  throws(() => encode({ "x-value": "b\r\nx: y" }), TypeError);
});

Deno.test("no value ends its line", () => {
  for (const value of ["a\r\nX: 1", "a\nb", "a\rb", "a\0b", "\u20ac"]) {
    throws(() => encode({ x: value }), TypeError);
  }
});
