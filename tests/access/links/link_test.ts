import { deepEqual, equal, ok, strictEqual, throws } from "node:assert/strict";
import { LINK_LIMIT_MS, type LinkOptions, signLink } from "../../../src/access/links/link.ts";
import {
  decodeLinkKeys,
  encodeLinkKeys,
  openLinkKeys,
  rotateLinkKeys,
} from "../../../src/access/links/link_key_file.ts";
import { nodeFileSystem } from "../../../src/env/node_file_system.ts";
import { decodeUtf8, encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { rejectsWith } from "../../support/expect.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { ask, request, withAuthority } from "../access_kit.ts";

const KEY = { kid: "k1", secret: "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA" };
const OTHER = { kid: "k2", secret: "AAAAEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA" };
const URL_OF_STREAM = "https://streams.example/v1/stream/chats/42";
const clock = new ManualClock();

function sign(more: Partial<LinkOptions> = {}, url = URL_OF_STREAM): string {
  const nowMs = clock.nowMs();
  return signLink(url, { key: KEY, pattern: "chats/42", expiresInMs: 60_000, nowMs, ...more });
}

async function withLinks(
  run: (
    authority: Parameters<Parameters<typeof withAuthority>[2]>[0],
    linkKey: string,
  ) => Promise<void>,
): Promise<void> {
  await withTempDir(async (dir) => {
    const linkKey = `${dir}/links.json`;
    Deno.writeFileSync(linkKey, encodeLinkKeys([KEY]));
    await withAuthority({ linkKey }, { clock }, (authority) => run(authority, linkKey));
  });
}

Deno.test("a link has these parts, and the same options make the same link", () => {
  equal(
    sign({ verbs: ["append", "read"] }),
    `${URL_OF_STREAM}?ds-p=chats%2F42&ds-v=read%2Cappend&ds-exp=1767225660&ds-kid=k1` +
      "&ds-sig=ibAZySjvJp6OR1x8RwDIMiJiRXU6ncLHp4mPJPAZuMY",
  );
});

Deno.test("a link is good wherever the reader is, and ends", async () => {
  await withLinks(async (authority) => {
    const link = sign();
    const permit = await ask(authority, request({}, { url: link }));
    deepEqual(permit?.grants, ["read chats/42"]);
    equal(permit?.expiresAtMs, clock.nowMs() + 60_000);
    for (const url of [`${link}&offset=now&live=sse&cursor=7`, link.replace("?", "?live=sse&")]) {
      strictEqual(authority.authorize(request({}, { url })), permit);
    }
    const [address, query] = link.split("?");
    const other = `${address}?${query?.split("&").toReversed().join("&")}#ds-sig=x`;
    strictEqual(authority.authorize(request({}, { url: other })), permit);
    equal(await ask(authority, request({}, { url: `${URL_OF_STREAM}?x-ds-sig=1` })), undefined);
    clock.advance(60_000);
    await rejectsWith(ask(authority, request({}, { url: link })), "token_expired");
  });
});

Deno.test("a link that was changed in any part is refused", async () => {
  await withLinks(async (authority) => {
    const link = sign({ verbs: ["read", "list"] });
    const changes: Record<string, string[]> = {
      "ds-p": ["chats/43", "chats/**", "", "chats/42\n"],
      "ds-v": ["read,list,append", "read", "list,read", "", "READ"],
      "ds-exp": ["99999999999", "0", "", "1e12"],
      "ds-kid": ["k2", "", "k1 "],
      "ds-sig": ["", "AAAA", "x".repeat(43)],
    };
    for (const [param, values] of Object.entries(changes)) {
      const right = new URL(link).searchParams.get(param) ?? "";
      for (const value of [...values, `${right}=`, right.slice(0, -1)]) {
        const url = new URL(link);
        url.searchParams.set(param, value);
        await rejectsWith(ask(authority, request({}, { url: url.href })), "token_invalid");
      }
      const without = new URL(link);
      without.searchParams.delete(param);
      const call = ask(authority, request({}, { url: without.href }));
      if (param === "ds-sig") equal(await call, undefined);
      else await rejectsWith(call, "token_invalid");
      const twice = `${link}&${param}=${encodeURIComponent(right)}`;
      await rejectsWith(
        ask(authority, request({}, { url: twice })),
        "token_invalid",
        /more than one/,
      );
    }
    ok(await ask(authority, request({}, { url: link })));
    await rejectsWith(
      ask(authority, request({}, { url: sign({ key: OTHER }) })),
      "token_invalid",
      /isn't this server's/,
    );
    await rejectsWith(
      ask(authority, request({}, { url: `${link}&x=${"y".repeat(8_192)}` })),
      "token_invalid",
      /more than 8192/,
    );
  });
});

Deno.test("a link lives for seven days at most, whoever signed it", async () => {
  throws(() => sign({ expiresInMs: LINK_LIMIT_MS + 1 }), /expected from 1 to 604800000/);
  await withLinks(async (authority) => {
    const url = sign({ expiresInMs: LINK_LIMIT_MS, nowMs: clock.nowMs() + 2_000 });
    await rejectsWith(ask(authority, request({}, { url })), "token_invalid");
    const longest = sign({ expiresInMs: LINK_LIMIT_MS });
    ok(await ask(authority, request({}, { url: longest })));
  });
});

Deno.test("what can't be signed is refused, with what is wrong", () => {
  throws(() => sign({ pattern: "a*b" }), /RangeError: The pattern "a\*b" can't be used/);
  // As a grant's line it would be one for the stream "a".
  throws(() => sign({ pattern: "a " }), /RangeError: The pattern "a " can't be a link's/);
  throws(() => sign({ verbs: [] }), /RangeError: The verbs ""/);
  throws(() => sign({ expiresInMs: NaN }), /expiresInMs is NaN/);
  throws(() => sign({ key: { kid: "k", secret: "short" } }), /RangeError: The link key "k"/);
  throws(() => sign({ key: { ...KEY, kid: "a b" } }), /RangeError: The link key "a b"/);
});

Deno.test("what was made by a link has its rights until the link ends, and no longer", async () => {
  await withLinks(async (authority) => {
    const permit = await ask(authority, request({}, { url: sign({ verbs: ["subscribe"] }) }));
    const { creator, ...rest } = await authority.permitOf?.(permit?.creator ?? "") ?? {};
    equal(creator, permit?.creator);
    deepEqual(rest, {
      subject: permit?.subject,
      grants: permit?.grants,
      expiresAtMs: permit?.expiresAtMs,
    });
  });
});

Deno.test("a new key signs and the one before is still good, and the one before that is not", async () => {
  await withLinks(async (authority, linkKey) => {
    const link = sign();
    const permit = await ask(authority, request({}, { url: link }));
    await rotateLinkKeys(nodeFileSystem, linkKey);
    clock.advance(1_000);
    strictEqual(await ask(authority, request({}, { url: link })), permit);
    const [key] = await openLinkKeys(nodeFileSystem, linkKey);
    ok(key !== undefined && key.kid !== KEY.kid);
    ok(await ask(authority, request({}, { url: sign({ key }) })));
    ok(authority.permitOf?.(permit?.creator ?? ""));
    await rotateLinkKeys(nodeFileSystem, linkKey);
    equal(permit?.signal?.aborted, false);
    clock.advance(1_000);
    equal(permit?.signal?.aborted, true);
    await rejectsWith(ask(authority, request({}, { url: link })), "token_invalid");
    equal(authority.permitOf?.(permit?.creator ?? ""), undefined);
  });
});

Deno.test("a link key file is made once, for its user alone, and has these bytes", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/links.json`;
    const keys = await openLinkKeys(nodeFileSystem, path);
    equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
    deepEqual(await openLinkKeys(nodeFileSystem, path), keys);
    deepEqual([...Deno.readDirSync(dir)].map(({ name }) => name), ["links.json"]);
  });
  const golden = `{
  "format": "durable-streams link keys",
  "version": 1,
  "keys": [
    {
      "kid": "k1",
      "secret": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA"
    }
  ]
}
`;
  equal(decodeUtf8(encodeLinkKeys([KEY])), golden);
  deepEqual(decodeLinkKeys(encodeUtf8(golden), "f"), [KEY]);
  for (
    const [from, to, message] of [
      [`"version": 1`, `"version": 2`, /f is no link key file of this version/],
      [`"kid": "k1"`, `"kid": ""`, /keys\[0\] of the link key file f is wrong/],
      [KEY.secret, "short", /keys\[0\]/],
      [`"keys": [`, `"keys": [7,`, /keys\[0\]/],
      [`"keys"`, `"key"`, /keys of the link key file f is wrong: expected one or two/],
    ] as const
  ) {
    throws(() => decodeLinkKeys(encodeUtf8(golden.replace(from, to)), "f"), message);
  }
});
