import { deepEqual, equal, ok, strictEqual } from "node:assert/strict";
import { signLink } from "../../src/access/links/link.ts";
import { encodeLinkKeys } from "../../src/access/links/link_key_file.ts";
import { sessionCookie, sessionOf } from "../../src/access/session_cookie.ts";
import { rejectsWith } from "../support/expect.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { ask, makeToken, request, withAuthority, writeTokens } from "./access_kit.ts";

const KEY = { kid: "k1", secret: "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA" };
const ORIGIN = "http://127.0.0.1:4437";

Deno.test("a cookie keeps a token or a link from scripts and other sites, and gives it back", () => {
  for (const shown of ["ds_abc-_", "eyJ.eyJ.x-_", "ds-p=a%2Fb&ds-exp=1&ds-sig=x", "a; b=é"]) {
    const cookie = sessionCookie(shown, "/v1/stream", 61_500) ?? "";
    ok(cookie.endsWith("; Path=/v1/stream; HttpOnly; Secure; SameSite=Strict; Max-Age=61"), cookie);
    const [pair = ""] = cookie.split(";");
    equal(sessionOf(`other=1; ${pair}; last=2`), shown);
  }
  equal(sessionCookie("x".repeat(5_000), "/", undefined), undefined);
  for (const cookies of ["", "other=1", "ds-session", "xds-session=1", "ds-session2=1"]) {
    equal(sessionOf(cookies), undefined);
  }
});

Deno.test("a header counts before a link, and a link before a cookie, good or not", async () => {
  await withTempDir(async (dir) => {
    const clock = new ManualClock();
    const settings = { tokens: `${dir}/tokens`, linkKey: `${dir}/links` };
    const { token, record } = makeToken(clock);
    writeTokens(settings.tokens, [record]);
    Deno.writeFileSync(settings.linkKey, encodeLinkKeys([KEY]));
    const sign = (pattern: string) => {
      const options = { key: KEY, pattern, expiresInMs: 60_000, nowMs: clock.nowMs() };
      return signLink(`${ORIGIN}/v1/stream/a`, options);
    };
    await withAuthority(settings, { clock }, async (authority) => {
      const url = sign("a");
      const authorization = `Bearer ${token}`;
      const cookie = `ds-session=${encodeURIComponent(new URL(sign("b")).search.slice(1))}`;
      const grants = async (headers: Record<string, string>, url?: string) =>
        (await ask(authority, request(headers, url === undefined ? {} : { url })))?.grants;
      deepEqual(await grants({ authorization, cookie }, url), ["read chats/ann/**"]);
      deepEqual(await grants({ cookie }, url), ["read a"]);
      deepEqual(await grants({ cookie }), ["read b"]);
      deepEqual(await grants({ cookie: `ds-session=${token}` }), ["read chats/ann/**"]);
      strictEqual(
        await ask(authority, request({ cookie: `x=1; ds-session=${token}` })),
        await ask(authority, request({ authorization })),
      );
      await rejectsWith(grants({ authorization: "Bearer x", cookie }, url), "token_invalid");
      await rejectsWith(grants({ cookie }, `${url}x`), "token_invalid");
      await rejectsWith(grants({ cookie: "ds-session=x" }), "token_invalid");
    });
  });
});

Deno.test("a cookie writes only for pages of the server's own origin", async () => {
  await withTempDir(async (dir) => {
    const clock = new ManualClock();
    const settings = { tokens: `${dir}/tokens` };
    const { token, record } = makeToken(clock);
    writeTokens(settings.tokens, [record]);
    await withAuthority(settings, { clock }, async (authority) => {
      const cookie = `ds-session=${token}`;
      for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
        ok(await ask(authority, request({ cookie, origin: ORIGIN }, { method })));
        ok(await ask(authority, request({ authorization: `Bearer ${token}` }, { method })));
        // As a proxy in front with TLS hands it on.
        const behind = { cookie, origin: "https://a.example", "sec-fetch-site": "same-origin" };
        ok(await ask(authority, request(behind, { method })));
        for (const origin of ["http://127.0.0.1:4438", "https://a.example", "null", ""]) {
          const other = ask(authority, request({ cookie, origin }, { method }));
          await rejectsWith(other, "origin_not_allowed");
        }
        await rejectsWith(ask(authority, request({ cookie }, { method })), "origin_not_allowed");
      }
    });
  });
});
