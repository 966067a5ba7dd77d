import { deepEqual } from "node:assert/strict";
import { rejectsWith } from "../../support/expect.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { ask, AUDIENCE, bearer, makeJwt, makeKey, withAuthority } from "../access_kit.ts";

const SECRET = crypto.getRandomValues(new Uint8Array(64));
const ASYMMETRIC = ["RS256", "PS384", "ES256", "ES384", "ES512", "EdDSA"];

Deno.test("each algorithm is verified by a key as JWK and as PEM, and no other key's token is", async () => {
  const clock = new ManualClock();
  await withTempDir(async (dir) => {
    const keys = await Promise.all(ASYMMETRIC.map((alg) => makeKey(alg)));
    const keyFile = `${dir}/keys`;
    const settings = { jwt: { keyFile, audience: AUDIENCE } };
    const forms = [
      JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }),
      keys.map(({ pem }) => pem).join("\n"),
    ];
    for (const text of forms) {
      Deno.writeTextFileSync(keyFile, text);
      await withAuthority(settings, { clock }, async (authority) => {
        for (const key of keys) {
          const permit = await ask(authority, bearer(await makeJwt(clock, key)));
          deepEqual(permit?.subject, "ann", key.alg);
          // Without a key id those of the algorithm are tried.
          const { kid: _, ...anonymous } = key;
          await ask(authority, bearer(await makeJwt(clock, anonymous)));
          const stranger = await makeKey(key.alg);
          await rejectsWith(
            ask(authority, bearer(await makeJwt(clock, stranger))),
            "token_invalid",
            /signature/,
          );
        }
      });
    }
  });
});

Deno.test("a secret verifies HS, and only the algorithm that its key names", async () => {
  const clock = new ManualClock();
  await withTempDir(async (dir) => {
    const keyFile = `${dir}/key.json`;
    const k = SECRET.toBase64({ alphabet: "base64url", omitPadding: true });
    Deno.writeTextFileSync(keyFile, JSON.stringify({ kty: "oct", k, alg: "HS512" }));
    await withAuthority({ jwt: { keyFile, audience: AUDIENCE } }, { clock }, async (authority) => {
      const signed = (alg: string) => makeJwt(clock, { alg, privateKey: SECRET });
      deepEqual((await ask(authority, bearer(await signed("HS512"))))?.subject, "ann");
      await rejectsWith(ask(authority, bearer(await signed("HS256"))), "token_invalid", /keys/);
    });
  });
});
