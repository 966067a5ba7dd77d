import { deepStrictEqual as equal } from "node:assert";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { decodeFormat, encodeFormat } from "../../../../src/storage/file/directory/format_file.ts";

const UUID = "00112233-4455-6677-8899-aabbccddeeff";
const GOLDEN = `durable-streams directory
version 6
uuid ${UUID}
crc32 7e5cbae0
`;

Deno.test("FORMAT has its golden bytes", () => {
  equal(new TextDecoder().decode(encodeFormat({ version: 6, uuid: UUID })), GOLDEN);
  equal(decodeFormat(encodeUtf8(GOLDEN)), { version: 6, uuid: UUID });
});

Deno.test("FORMAT of another version is still read", () => {
  equal(decodeFormat(encodeFormat({ version: 27, uuid: UUID })), { version: 27, uuid: UUID });
});

Deno.test("FORMAT with any byte changed fails its checksum", () => {
  const bytes = encodeUtf8(GOLDEN);
  for (const at of bytes.keys()) {
    const changed = bytes.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    equal(decodeFormat(changed), undefined, `byte ${at}`);
  }
  for (let length = 0; length < bytes.length; length++) {
    equal(decodeFormat(bytes.slice(0, length)), undefined);
  }
});
