import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import {
  decodeTokenFile,
  encodeTokenFile,
  type TokenRecord,
} from "../../../src/access/tokens/token_file.ts";
import { createSecretToken, createTokenId } from "../../../src/access/tokens/token.ts";
import { decodeUtf8, encodeUtf8 } from "../../../src/protocol/bytes.ts";

const RECORDS: readonly TokenRecord[] = [
  {
    id: "k3VfSl1p",
    sha256: "0123456789abcdef".repeat(4),
    subject: "ann",
    grants: ["read,append chats/{sub}/**", "list **"],
    createdAtMs: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
  },
  {
    id: "b",
    sha256: "f".repeat(64),
    subject: 'Bjørn "B"',
    grants: [],
    createdAtMs: 0,
    expiresAtMs: 1_000,
    revokedAtMs: 500,
  },
];

/** These bytes are in files of users: a change of them is a new version. */
const GOLDEN = [
  `{"format":"durable-streams tokens","version":1}\n`,
  `{"id":"k3VfSl1p","sha256":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",`,
  `"subject":"ann","grants":["read,append chats/{sub}/**","list **"],`,
  `"createdAt":"2026-01-02T03:04:05.006Z"}\n`,
  `{"id":"b","sha256":"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",`,
  `"subject":"Bjørn \\"B\\"","grants":[],"createdAt":"1970-01-01T00:00:00.000Z",`,
  `"expiresAt":"1970-01-01T00:00:01.000Z","revokedAt":"1970-01-01T00:00:00.500Z"}\n`,
].join("");

Deno.test("a token file has these bytes, and is read from them", () => {
  equal(decodeUtf8(encodeTokenFile(RECORDS)), GOLDEN);
  deepEqual(decodeTokenFile(encodeUtf8(GOLDEN), "f"), RECORDS);
  deepEqual(decodeTokenFile(encodeTokenFile([]), "f"), []);
});

Deno.test("what is wrong in a token file is named by its line and field, and not shown", () => {
  const [header, ...golden] = GOLDEN.trimEnd().split("\n");
  const second = (change: Record<string, unknown>) => {
    const fields = { ...JSON.parse(golden[1] ?? ""), ...change };
    return [header, golden[0], JSON.stringify(fields)].join("\n");
  };
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["", /^AccessError: The token file f, line 1 is no JSON object/],
    [`{"format":"else"}`, /f, line 1: expected \{"format":"durable-streams tokens","version":1\}/],
    [GOLDEN.replace(`"version":1`, `"version":2`), /line 1: its version is "2": expected 1/],
    [`${header}\n[]`, /line 2 is no JSON object/],
    [`${header}\n\n{"id":`, /line 3 is no JSON object/],
    [second({ id: "a b" }), /line 3: id is wrong: expected 1 to 64/],
    [second({ sha256: "ds_secret" }), /line 3: sha256 is wrong: expected 64 hexadecimal digits/],
    [second({ subject: "a\nb" }), /line 3: subject is wrong/],
    [second({ subject: 7 }), /line 3: subject is wrong/],
    [second({ grants: "read **" }), /line 3: grants is wrong: expected a list/],
    [
      second({ grants: ["read **", "raed **"] }),
      /line 3: grants\[1\]: The grant "raed \*\*" can't/,
    ],
    [
      second({ grants: ["read a/x{sub}"] }),
      /line 3: grants\[0\]: .*segment "x\{sub\}" has a brace/,
    ],
    [second({ createdAt: "yesterday" }), /line 3: createdAt is wrong: expected a time/],
    [second({ expiresAt: "2026-13-01T00:00:00Z" }), /line 3: expiresAt is no time/],
    [second({ expires: 5 }), /line 3: "expires" is unknown: expected id, sha256/],
    [second({ id: "k3VfSl1p" }), /line 3: another line is for this token/],
  ];
  for (const [text, message] of wrong) {
    throws(() => decodeTokenFile(encodeUtf8(text), "f"), message);
    throws(() => decodeTokenFile(encodeUtf8(text), "f"), /^(?!.*ds_secret)/);
  }
});

Deno.test("a token is 256 random bits behind ds_", () => {
  const tokens = new Set(Array.from({ length: 100 }, createSecretToken));
  equal(tokens.size, 100);
  for (const token of tokens) equal(/^ds_[\w-]{43}$/.test(token), true);
});

Deno.test("a file that nobody could read again isn't made", () => {
  const [record] = RECORDS;
  ok(record);
  const tokens = Array.from({ length: 25_000 }, (_, i) => ({ ...record, id: `t${i}` }));
  throws(() => encodeTokenFile(tokens), /^AccessError: .*expected at most 4194304.*Remove/);
});

Deno.test("no token's id looks like a flag", () => {
  for (let i = 0; i < 2_000; i++) match(createTokenId(), /^\w[\w-]{7}$/);
});
