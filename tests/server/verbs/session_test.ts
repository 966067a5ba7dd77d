import { equal, match } from "node:assert/strict";
import { makeToken, writeTokens } from "../../access/access_kit.ts";
import { openAuthority } from "../../../src/access/open_authority.ts";
import { Fixture } from "../../support/fixture.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { withTempDir } from "../../support/temp_dir.ts";

const SESSION = "/v1/stream/__ds/session";

Deno.test("a session begins with a token, is shown by its cookie, and ends", async () => {
  await withTempDir(async (dir) => {
    const clock = new ManualClock();
    const tokens = `${dir}/tokens`;
    const { token, record } = makeToken(clock, { expiresAtMs: clock.nowMs() + 90_500 });
    writeTokens(tokens, [record]);
    const authority = await openAuthority({ tokens }, { clock });
    try {
      const { send } = bound(new Fixture({ authorize: authority }));
      const authorization = `Bearer ${token}`;
      const begun = await send("POST", SESSION, { authorization });
      equal(begun.status, 204);
      equal(begun.headers.get("cache-control")?.includes("no-store"), true);
      equal(begun.headers.get("referrer-policy"), "no-referrer");
      const cookie = begun.headers.get("set-cookie") ?? "";
      equal(
        cookie,
        `ds-session=${token}; Path=/v1/stream; HttpOnly; Secure; SameSite=Strict; Max-Age=90`,
      );
      const [pair = ""] = cookie.split(";");
      const headers = new Headers({ cookie: pair });
      const url = "http://localhost/v1/stream/chats/ann/1";
      const permit = await authority.authorize({ method: "GET", url, headers });
      equal(permit?.subject, "ann");
      const ended = await send("DELETE", SESSION, { authorization });
      equal(ended.status, 204);
      match(ended.headers.get("set-cookie") ?? "", /^ds-session=; Path=\/v1\/stream; .*Max-Age=0$/);
      equal((await send("POST", SESSION, { authorization: "Bearer x" })).status, 401);
      equal((await send("POST", SESSION)).status, 401);
      equal((await send("GET", SESSION, { authorization })).status, 405);
    } finally {
      authority.close();
    }
  });
});

Deno.test("a server that asks nobody who they are has no sessions", async () => {
  const answer = await new Fixture().send("POST", SESSION);
  equal(answer.status, 404);
  equal((await answer.json()).error.code, "not_found");
});

function bound(fixture: Fixture) {
  return { send: fixture.send.bind(fixture) };
}
