import { deepEqual, equal, ok, strictEqual, throws } from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { AccessSettings } from "../../src/access/access_settings.ts";
import { checkAccess, openAuthority } from "../../src/access/open_authority.ts";
import type { FailureCode } from "../../src/protocol/errors.ts";
import { rejectsWith } from "../support/expect.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { withTempDir } from "../support/temp_dir.ts";
import {
  ask,
  AUDIENCE,
  bearer,
  makeJwt,
  makeKey,
  makeToken,
  request,
  withAuthority,
  writeTokens,
} from "./access_kit.ts";

const rsa = await makeKey("RS256", "rsa");

/** A token file and a key file, and an authority over both. */
async function withBoth(
  run: (parts: {
    clock: ManualClock;
    settings: AccessSettings & { tokens: string };
    dir: string;
  }) => Promise<void>,
): Promise<void> {
  await withTempDir(async (dir) => {
    const clock = new ManualClock();
    const tokens = `${dir}/tokens.jsonl`;
    const keyFile = `${dir}/keys.json`;
    writeTokens(tokens, []);
    Deno.writeTextFileSync(keyFile, JSON.stringify({ keys: [rsa.jwk] }));
    await run({ clock, dir, settings: { tokens, jwt: { keyFile, audience: AUDIENCE } } });
  });
}

Deno.test("whoever shows nothing has no permit, and whoever shows something bad is told what", async () => {
  await withBoth(async ({ clock, settings }) => {
    const good = makeToken(clock);
    const expired = makeToken(clock, { id: "t2", expiresAtMs: clock.nowMs() });
    const revoked = makeToken(clock, { id: "t3", revokedAtMs: clock.nowMs() });
    const unknown = makeToken(clock, { id: "t4" });
    writeTokens(settings.tokens, [good.record, expired.record, revoked.record]);
    const other = await makeKey("RS256", "rsa");
    const hmac = { alg: "HS256", kid: "rsa", privateKey: new TextEncoder().encode(rsa.pem) };
    const none = [{ alg: "none" }, { sub: "ann", aud: AUDIENCE, exp: 1e11 }]
      .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
    const jwt = (more: Parameters<typeof makeJwt>[2]) => makeJwt(clock, rsa, more);
    const faults: readonly (readonly [string, FailureCode, RegExp])[] = [
      ["", "token_invalid", /not Bearer/],
      [expired.token, "token_expired", /expired at 2026-01-01T00:00:00\.000Z/],
      [revoked.token, "token_invalid", /revoked/],
      [unknown.token, "token_invalid", /doesn't know/],
      [`${good.token}x`, "token_invalid", /doesn't know/],
      ["no.jwt", "token_invalid", /nor a JWT/],
      [await jwt({ expiresInMs: -5_000 }), "token_expired", /expired at 2025-12-31T23:59:55/],
      [await jwt({ expiresInMs: undefined }), "token_invalid", /no "exp"/],
      [await jwt({ claims: { nbf: clock.nowMs() / 1000 + 6 } }), "token_invalid", /valid yet/],
      [await makeJwt(clock, other), "token_invalid", /signature is wrong/],
      [await jwt({ audience: "https://other.example" }), "token_invalid", /another audience/],
      [await jwt({ audience: undefined }), "token_invalid", /no "aud"/],
      [`${none}.`, "token_invalid", /isn't signed/],
      [await makeJwt(clock, hmac), "token_invalid", /none of this server's keys/],
      [await jwt({ header: { typ: "dpop+jwt" } }), "token_invalid", /typ/],
      [await jwt({ header: { jku: "https://evil.example/keys" } }), "token_invalid", /jku/],
      [await jwt({ header: { jwk: rsa.jwk } }), "token_invalid", /jwk/],
      [await jwt({ header: { kid: "other" } }), "token_invalid", /none of this server's keys/],
      [await jwt({ claims: { pad: "x".repeat(9_000) } }), "token_invalid", /more than 8192/],
    ];
    await withAuthority(settings, { clock }, async (authority) => {
      equal(await ask(authority, request()), undefined);
      for (const [token, code, message] of faults) {
        // Twice, since faults are remembered.
        for (let i = 0; i < 2; i++) {
          await rejectsWith(ask(authority, bearer(token)), code, message);
          if (token.length > 20) {
            await rejectsWith(ask(authority, bearer(token)), code, /^(?!.*eyJ)(?!.*ds_)/);
          }
        }
      }
      await rejectsWith(ask(authority, request({ authorization: "Basic eDp5" })), "token_invalid");
      const permit = await ask(authority, bearer(good.token));
      deepEqual(permit?.grants, ["read chats/ann/**"]);
      equal(permit?.subject, "ann");
      for (const typ of ["JWT", "at+jwt", "application/at+jwt"]) {
        const claims = { ds: ["read,append users/{sub}/*", "read {missing}", "nonsense"] };
        const found = await ask(authority, bearer(await jwt({ claims, header: { typ } })));
        deepEqual(found?.grants, ["read,append users/ann/*"]);
      }
    });
  });
});

Deno.test("the same token has the same permit, at once, until it expires", async () => {
  await withBoth(async ({ clock, settings }) => {
    await withAuthority(settings, { clock }, async (authority) => {
      const token = await makeJwt(clock, rsa);
      const together = [1, 2].map(() => ask(authority, bearer(token)));
      const [first, second] = await Promise.all(together);
      ok(first !== undefined);
      strictEqual(second, first);
      strictEqual(authority.authorize(bearer(token)), first);
      strictEqual(authority.authorize(request({ authorization: `bearer   ${token}` })), first);
      // The tolerance counts.
      equal(first.expiresAtMs, clock.nowMs() + 65_000);
      clock.advance(64_999);
      strictEqual(authority.authorize(bearer(token)), first);
      clock.advance(1);
      await rejectsWith(ask(authority, bearer(token)), "token_expired");
    });
  });
});

Deno.test("a token that isn't valid yet is taken once it is", async () => {
  await withBoth(async ({ clock, settings }) => {
    await withAuthority(settings, { clock }, async (authority) => {
      const token = await makeJwt(clock, rsa, { claims: { nbf: clock.nowMs() / 1000 + 6 } });
      await rejectsWith(ask(authority, bearer(token)), "token_invalid", /yet/);
      clock.advance(1_000);
      equal((await ask(authority, bearer(token)))?.subject, "ann");
    });
  });
});

Deno.test("a token that is revoked, changed or gone ends its permit within a second", async () => {
  await withBoth(async ({ clock, settings }) => {
    const [revoked, changed, gone, kept] = ["t1", "t2", "t3", "t4"]
      .map((id) => makeToken(clock, { id }));
    ok(revoked && changed && gone && kept);
    writeTokens(settings.tokens, [revoked, changed, gone, kept].map(({ record }) => record));
    await withAuthority(settings, { clock }, async (authority) => {
      const permits = await Promise.all(
        [revoked, changed, gone, kept].map(({ token }) => ask(authority, bearer(token))),
      );
      const ended = () => permits.map((permit) => permit?.signal?.aborted);
      writeTokens(settings.tokens, [
        { ...revoked.record, revokedAtMs: clock.nowMs() },
        { ...changed.record, grants: ["append chats/*"] },
        kept.record,
      ]);
      deepEqual(ended(), [false, false, false, false]);
      clock.advance(1_000);
      deepEqual(ended(), [true, true, true, false]);
      await rejectsWith(ask(authority, bearer(revoked.token)), "token_invalid", /revoked/);
      await rejectsWith(ask(authority, bearer(gone.token)), "token_invalid", /know/);
      deepEqual((await ask(authority, bearer(changed.token)))?.grants, ["append chats/*"]);
      strictEqual(await ask(authority, bearer(kept.token)), permits[3]);
      deepEqual(authority.permitOf?.("token:t2"), await ask(authority, bearer(changed.token)));
      equal(authority.permitOf?.("token:t1"), undefined);
      equal(authority.permitOf?.("token:t3"), undefined);
    });
  });
});

Deno.test("a token file that is broken or gone changes nothing, and one that is whole again does", async () => {
  await withBoth(async ({ clock, settings }) => {
    const one = makeToken(clock);
    const two = makeToken(clock, { id: "t2" });
    writeTokens(settings.tokens, [one.record]);
    await withAuthority(settings, { clock }, async (authority) => {
      const permit = await ask(authority, bearer(one.token));
      Deno.writeTextFileSync(settings.tokens, "{");
      clock.advance(1_000);
      strictEqual(await ask(authority, bearer(one.token)), permit);
      Deno.removeSync(settings.tokens);
      clock.advance(1_000);
      strictEqual(await ask(authority, bearer(one.token)), permit);
      equal(permit?.signal?.aborted, false);
      await rejectsWith(ask(authority, bearer(two.token)), "token_invalid");
      writeTokens(settings.tokens, [one.record, two.record]);
      clock.advance(1_000);
      strictEqual(await ask(authority, bearer(one.token)), permit);
      equal((await ask(authority, bearer(two.token)))?.subject, "ann");
    });
  });
});

Deno.test("a creator of a JWT may later do what today's rules give its claims", async () => {
  await withBoth(async ({ clock, settings }) => {
    const before = { ...settings, rules: [{ claims: { role: "ops" }, grants: ["admin **"] }] };
    const claims = { role: ["ops"], mail: "ann@example.org" };
    const creator = await withAuthority(before, { clock }, async (authority) => {
      const permit = await ask(authority, bearer(await makeJwt(clock, rsa, { claims })));
      deepEqual(permit?.grants, ["admin **"]);
      return permit?.creator ?? "";
    });
    ok(!creator.includes("mail"), creator);
    const after = { ...settings, rules: [{ claims: { role: "ops" }, grants: ["read {sub}"] }] };
    await withAuthority(after, { clock }, (authority) => {
      clock.advance(3_600_000);
      deepEqual(authority.permitOf?.(creator), {
        subject: "ann",
        grants: ["read ann"],
        creator,
      });
      strictEqual(authority.permitOf?.(creator), authority.permitOf?.(creator));
      equal(authority.permitOf?.("nonsense"), undefined);
      equal(authority.permitOf?.("jwt:nonsense"), undefined);
      return Promise.resolve();
    });
  });
});

Deno.test("other rules end the permits of JWTs, of before them and of their creators, and tokens' live on", async () => {
  await withBoth(async ({ clock, settings }) => {
    const { token, record } = makeToken(clock);
    writeTokens(settings.tokens, [record]);
    const jwt = await makeJwt(clock, rsa);
    const rules = [{ grants: ["read,append chats/{sub}/**"] }];
    await withAuthority({ ...settings, rules }, { clock }, async (authority) => {
      const before = await ask(authority, bearer(jwt));
      const creator = before?.creator ?? "";
      const kept = await ask(authority, bearer(token));
      deepEqual(before?.grants, ["read,append chats/ann/**"]);
      const change = authority.prepareRules([{ grants: ["read chats/{sub}/**"] }]);
      strictEqual(await ask(authority, bearer(jwt)), before);
      await authority.permitOf?.(creator);
      change();
      equal(before?.signal?.aborted, true);
      const after = await ask(authority, bearer(jwt));
      deepEqual(after?.grants, ["read chats/ann/**"]);
      equal(after?.signal?.aborted, false);
      deepEqual((await authority.permitOf?.(creator))?.grants, ["read chats/ann/**"]);
      equal(kept?.signal?.aborted, false);
      deepEqual((await ask(authority, bearer(token)))?.grants, kept?.grants);
      throws(() => authority.prepareRules([{ grants: ["fly chats/**"] }]), RangeError);
      strictEqual(await ask(authority, bearer(jwt)), after);
    });
  });
});

Deno.test("what can't be right doesn't open, and says where", async () => {
  await withBoth(async ({ dir, settings }) => {
    const broken = `${dir}/broken`;
    Deno.writeTextFileSync(broken, "x");
    const jwt = { audience: AUDIENCE };
    const wrong: readonly (readonly [AccessSettings, RegExp])[] = [
      [{}, /expected tokens, jwt or linkKey/],
      [{ tokens: `${dir}/missing` }, /missing can't be read: there is no such file/],
      [{ tokens: broken }, /broken, line 1 is no JSON object/],
      [{ linkKey: broken }, /broken is no link key file/],
      [{ jwt: { ...jwt, keyFile: broken } }, /broken can't be read/],
      [{ jwt }, /either from a file or from a URL/],
      [{ jwt: { ...jwt, jwksUrl: "http://keys.example/" } }, /expected one with https/],
      [{ ...settings, rules: [{ grants: ["nonsense"] }] }, /"nonsense" can't be read/],
    ];
    for (const [bad, message] of wrong) {
      await rejectsWithMessage(openAuthority(bad, { clock: new ManualClock() }), message);
      await rejectsWithMessage(checkAccess(bad), message);
    }
    await checkAccess(settings);
    await checkAccess({ jwt: { ...jwt, jwksUrl: "https://keys.invalid/" } });
  });
});

async function rejectsWithMessage(call: Promise<unknown>, message: RegExp): Promise<void> {
  const error = await call.then(() => undefined, (error: unknown) => error);
  ok(error instanceof Error && error.name === "AccessError", String(error));
  ok(message.test(error.message), error.message);
}

Deno.test("an authority that is closed watches nothing", async () => {
  await withBoth(async ({ clock, dir, settings }) => {
    await withAuthority({ ...settings, linkKey: `${dir}/links` }, { clock }, () => {
      equal(clock.pendingTimers, 3);
      return Promise.resolve();
    });
    equal(clock.pendingTimers, 0);
  });
});
