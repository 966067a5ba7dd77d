import { crc32 } from "node:zlib";
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { decodeUtf8, encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { StreamError } from "../../../src/protocol/errors.ts";
import { decodeKeys, encodeKeys } from "../../../src/subscriptions/webhooks/keys_codec.ts";

const KEYS = {
  tokenSecret: new Uint8Array(32).fill(0xab),
  keys: [
    {
      seed: new Uint8Array(32).fill(1),
      signsFromMs: 1_767_225_600_000,
      signsUntilMs: 1_767_225_900_000,
    },
    {
      seed: new Uint8Array(32).fill(0xff),
      signsFromMs: 1_767_225_900_000,
      signsUntilMs: undefined,
    },
  ],
};
const GOLDEN = `durable-streams webhook keys
version 1
secret ${"ab".repeat(32)}
key ${"01".repeat(32)} from 1767225600000 until 1767225900000
key ${"ff".repeat(32)} from 1767225900000
crc32 5cc3883c
`;

function unreadable(text: string, message: RegExp): void {
  throws(() => decodeKeys(encodeUtf8(text)), (error) => {
    ok(error instanceof StreamError && error.code === "damaged", `${error}`);
    ok(message.test(error.message), error.message);
    ok(!/abab|0101|ffff/.test(error.message), "nothing of the content is in the message");
    return true;
  });
}

Deno.test("the file of keys has its golden bytes", () => {
  equal(decodeUtf8(encodeKeys(KEYS)), GOLDEN);
  deepEqual(decodeKeys(encodeUtf8(GOLDEN)), KEYS);
});

Deno.test("all keys are read back as they were written", () => {
  const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((all) => new Uint8Array(all));
  const timeMs = fc.nat(9_999_999_999_999);
  const key = fc.record({
    seed: bytes,
    signsFromMs: timeMs,
    signsUntilMs: fc.option(timeMs, { nil: undefined }),
  }, { noNullPrototype: true });
  const all = fc.record({ tokenSecret: bytes, keys: fc.array(key, { minLength: 1 }) }, {
    noNullPrototype: true,
  });
  fc.assert(fc.property(all, (keys) => deepEqual(decodeKeys(encodeKeys(keys)), keys)));
});

Deno.test("a file of keys with any byte changed, or cut off, isn't read", () => {
  const bytes = encodeUtf8(GOLDEN);
  for (const at of bytes.keys()) {
    const changed = bytes.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    unreadable(decodeUtf8(changed), /checksum|isn't a file of keys/);
    unreadable(GOLDEN.slice(0, at), /isn't a file of keys/);
  }
  unreadable(`${GOLDEN}\n`, /isn't a file of keys/);
});

Deno.test("a file of keys of another version says which one it has", () => {
  const body = GOLDEN.slice(0, GOLDEN.indexOf("crc32 ")).replace("version 1", "version 2");
  const newer = `${body}crc32 ${crc32(body).toString(16).padStart(8, "0")}\n`;
  unreadable(newer, /it has version 2, and this program reads 1/);
});

Deno.test("a file of keys without a key isn't read", () => {
  unreadable(decodeUtf8(encodeKeys({ ...KEYS, keys: [] })), /no secret or no key/);
});
