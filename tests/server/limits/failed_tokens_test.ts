import { equal, match } from "node:assert/strict";
import { openAuthority } from "../../../src/access/open_authority.ts";
import type { RateOptions } from "../../../src/server/common/limit_options.ts";
import { StreamError } from "../../../src/protocol/errors.ts";
import { AUDIENCE, makeJwt } from "../../access/access_kit.ts";
import { expectError, type Fields, Fixture, isPending } from "../../support/fixture.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { withTempDir } from "../../support/temp_dir.ts";

const SECRET = crypto.getRandomValues(new Uint8Array(32));
const KEY = { alg: "HS256", kid: "k", privateKey: SECRET };
const STRANGER = { ...KEY, privateKey: crypto.getRandomValues(new Uint8Array(32)) };

/** A server that takes JWTs, with metrics, and who asks it. */
class Served extends Fixture {
  readonly time: ManualClock;
  #made = 0;

  constructor(
    authorize: Awaited<ReturnType<typeof openAuthority>>,
    time: ManualClock,
    failedTokens: RateOptions,
  ) {
    super({
      authorize,
      clock: time,
      clientLimits: { failedTokens },
      trustProxy: true,
      metrics: "/metrics",
    });
    this.time = time;
  }

  async ask(headers: Fields, address = "198.51.100.1", target = "a"): Promise<Response> {
    return await this.get(target, { "x-forwarded-for": address, ...headers });
  }

  /** A token that was never shown before. */
  async token(key = KEY, jwt: Parameters<typeof makeJwt>[2] = {}): Promise<Fields> {
    const claims = { ds: ["read **", "admin **"], jti: String(++this.#made), ...jwt.claims };
    return { authorization: `Bearer ${await makeJwt(this.time, key, { ...jwt, claims })}` };
  }

  async madeUp(address?: string): Promise<Response> {
    return await this.ask(await this.token(STRANGER), address);
  }
}

async function withServed(limit: RateOptions, run: (served: Served) => Promise<void>) {
  await withTempDir(async (dir) => {
    const clock = new ManualClock();
    const keyFile = `${dir}/key.json`;
    const k = SECRET.toBase64({ alphabet: "base64url", omitPadding: true });
    Deno.writeTextFileSync(keyFile, JSON.stringify({ kty: "oct", k, kid: "k", alg: "HS256" }));
    const authority = await openAuthority({ jwt: { keyFile, audience: AUDIENCE } }, { clock });
    try {
      const served = new Served(authority, clock, limit);
      await served.storage.create("a", { contentType: "text/plain" });
      await run(served);
    } finally {
      authority.close();
    }
  });
}

const LIMIT = { perSecond: 2, burst: 4 };

Deno.test("past so many made-up tokens of an address none is verified there, and known ones go on", async () => {
  await withServed(LIMIT, async (served) => {
    const [known, fresh] = [await served.token(), await served.token()];
    equal((await served.ask(known)).status, 200);
    for (let i = 0; i < 4; i++) {
      await expectError(await served.madeUp(), 401, "token_invalid", /signature/);
    }
    const refused = await served.madeUp();
    equal(refused.headers.get("retry-after"), "1");
    const limit = /2 tokens a second.*, 4 at once \(client-failed-tokens\).*: try again in 1 s\./;
    await expectError(refused, 429, "too_many_requests", limit);
    // What isn't verified may be good, too, and is then taken elsewhere, and here in a moment.
    equal((await served.ask(fresh)).status, 429);
    equal((await served.ask(known)).status, 200);
    equal((await served.ask(fresh, "198.51.100.2")).status, 200);
    served.time.advance(500);
    equal((await served.ask(await served.token())).status, 200);
    equal((await served.madeUp()).status, 401);
    equal((await served.ask(await served.token())).status, 429);
    const subscriptions = await served.ask(await served.token(), undefined, "__ds/subscriptions/x");
    await expectError(subscriptions, 429, "TOO_MANY_REQUESTS");
    const text = await (await served.ask(known, undefined, "/metrics")).text();
    match(text, /^durable_streams_refused_tokens_total 4$/m);
  });
});

Deno.test("good tokens, expired ones and the same one again count for nothing", async () => {
  await withServed({ perSecond: 1 }, async (served) => {
    for (let i = 0; i < 3; i++) equal((await served.ask(await served.token())).status, 200);
    // Whether these are signed nobody looks at.
    for (const key of [KEY, STRANGER, STRANGER]) {
      const expired = await served.token(key, { expiresInMs: -60_000 });
      await expectError(await served.ask(expired), 401, "token_expired");
    }
    const same = await served.token(STRANGER);
    for (let i = 0; i < 3; i++) equal((await served.ask(same)).status, 401);
    equal((await served.madeUp()).status, 429);
  });
});

Deno.test("tokens that are verified at the same time all count, and are waited for", async () => {
  await withServed(LIMIT, async (served) => {
    const tokens = await Promise.all(Array.from({ length: 8 }, () => served.token(STRANGER)));
    const answers = await Promise.all(tokens.map((token) => served.ask(token)));
    equal(answers.every(({ status }) => status === 401), true);
    served.time.advance(2000);
    equal((await served.madeUp()).headers.get("retry-after"), "1");
    served.time.advance(500);
    equal((await served.madeUp()).status, 401);
  });
});

Deno.test("an address is remembered, however many others come", async () => {
  await withServed({ perSecond: 1 }, async (served) => {
    equal((await served.madeUp()).status, 401);
    for (let i = 1; i < 20; i++) {
      equal((await served.ask(await served.token(), `192.0.2.${i}`)).status, 200);
    }
    equal((await served.madeUp()).status, 429);
  });
});

Deno.test("whoever goes on after refusals gets them a second later", async () => {
  await withServed({ perSecond: 1 }, async (served) => {
    equal((await served.madeUp()).status, 401);
    for (let i = 0; i < 10; i++) equal((await served.madeUp()).status, 429);
    const held = served.madeUp();
    equal(await isPending(held), true);
    equal((await served.madeUp("198.51.100.2")).status, 401);
    served.time.advance(1100);
    equal((await held).status, 429);
  });
});

Deno.test("where nobody's address is known nobody is refused for others' tokens", async () => {
  const fixture = new Fixture({
    authorize: (_, verifying) =>
      verifying?.(() => {
        throw new StreamError({ code: "token_invalid" }, "The token isn't valid.");
      }),
    clientLimits: { failedTokens: { perSecond: 1 } },
  });
  for (let i = 0; i < 5; i++) equal((await fixture.get("a")).status, 401);
});
