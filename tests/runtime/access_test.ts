import { deepEqual, equal } from "node:assert/strict";
import { signLink } from "../../src/access/links/link.ts";
import { encodeLinkKeys } from "../../src/access/links/link_key_file.ts";
import { createSecretToken, hashToken } from "../../src/access/tokens/token.ts";
import { encodeTokenFile } from "../../src/access/tokens/token_file.ts";
import { AUDIENCE, makeJwt, makeKey } from "../access/access_kit.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { runCommand } from "../tools/command.ts";
import { installTestTools } from "../tools/install.ts";
import { inRepo } from "../tools/repo.ts";
import { bun } from "./targets.ts";

const KEY = { kid: "k1", secret: "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA" };
const ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"];
const URL_OF_STREAM = "http://127.0.0.1:4437/v1/stream/a";

for (const [name, command] of [["deno", [Deno.execPath(), "run", "-A"]], ["bun", [bun]]] as const) {
  Deno.test(`${name}: good tokens, JWTs and links are taken, and bad ones refused for what they are`, async () => {
    await installTestTools();
    await withTempDir(async (dir) => {
      // The program has the machine's clock.
      const clock = new ManualClock(Date.now());
      const keys = await Promise.all(ALGORITHMS.map((alg) => makeKey(alg)));
      const secret = new TextEncoder().encode("0123456789abcdef0123456789abcdef");
      const k = secret.toBase64({ alphabet: "base64url", omitPadding: true });
      const hmac = { alg: "HS256", kid: "h", privateKey: secret };
      const [rsa] = keys;
      const confused = { ...hmac, kid: "RS256", privateKey: new TextEncoder().encode(rsa?.pem) };
      const token = createSecretToken();
      const record = {
        id: "t",
        sha256: hashToken(token).toString("hex"),
        subject: "tim",
        grants: [],
        createdAtMs: 0,
      };
      const settings = {
        tokens: `${dir}/tokens`,
        jwt: { keyFile: `${dir}/keys`, audience: AUDIENCE },
        linkKey: `${dir}/links`,
      };
      Deno.writeFileSync(settings.tokens, encodeTokenFile([record]));
      Deno.writeFileSync(settings.linkKey, encodeLinkKeys([KEY]));
      const jwks = [...keys.map(({ jwk }) => jwk), { kty: "oct", k, kid: "h" }];
      Deno.writeTextFileSync(settings.jwt.keyFile, JSON.stringify({ keys: jwks }));
      const link = signLink(URL_OF_STREAM, { key: KEY, pattern: "a", expiresInMs: 60_000 });
      const jwts = await Promise.all([...keys, hmac].map((key) => makeJwt(clock, key)));
      const strangers = await Promise.all(
        ALGORITHMS.map(async (alg) => makeJwt(clock, await makeKey(alg))),
      );
      const bearers: readonly (readonly [string, string])[] = [
        [token, "tim"],
        [`${token.slice(0, -1)}_`, "token_invalid"],
        ...jwts.map((jwt) => [jwt, "ann"] as const),
        ...strangers.map((jwt) => [jwt, "token_invalid"] as const),
        ...jwts.map((jwt) => [`${jwt.slice(0, -6)}AAAAAA`, "token_invalid"] as const),
        [await makeJwt(clock, confused), "token_invalid"],
        [await makeJwt(clock, hmac, { expiresInMs: -60_000 }), "token_expired"],
        [await makeJwt(clock, hmac, { audience: "x" }), "token_invalid"],
      ];
      const cases = [
        ...bearers.map(([jwt, said]) => ({
          url: URL_OF_STREAM,
          headers: { authorization: `Bearer ${jwt}` },
          said,
        })),
        { url: link, headers: {}, said: "link a" },
        { url: link.replace("ds-p=a", "ds-p=b"), headers: {}, said: "token_invalid" },
        { url: URL_OF_STREAM, headers: { cookie: `ds-session=${token}` }, said: "tim" },
        { url: URL_OF_STREAM, headers: {}, said: "nobody" },
      ];
      const program = inRepo("tests", "runtime", "access_program.ts");
      const args = [JSON.stringify(settings), JSON.stringify(cases)];
      const { code, output } = await runCommand([...command, program, ...args], {
        limitMinutes: 1,
      });
      equal(code, 0, output);
      deepEqual(JSON.parse(output), cases.map(({ said }) => said));
    });
  });
}
