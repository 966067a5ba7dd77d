import { equal, match } from "node:assert/strict";
import { openAuthority } from "../../../src/access/open_authority.ts";
import type { Authority, Credentials } from "../../../src/access/permit.ts";
import { expectError, Fixture, JSON_TYPE, TEXT } from "../../support/fixture.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { GuardedFixture } from "../access/authority.ts";

/** Links that the page makes for whoever holds the server's key. */

const LINK = "__ds/page/link";
const ROOT = { subject: "root", grants: ["read,append,create,admin **"] };

/** An app with a key for links, to which everybody without a link is an admin. */
async function withKey(run: (served: Fixture) => Promise<void>): Promise<void> {
  await withTempDir(async (dir) => {
    const links = await openAuthority({ linkKey: `${dir}/link-keys.json` });
    const authorize: Authority = {
      authorize: (request: Credentials) =>
        request.url.includes("ds-sig=") ? links.authorize(request) : ROOT,
      signLink: (...link) => links.signLink?.(...link),
      signsLinks: true,
    };
    try {
      await run(new Fixture({ page: true, authorize }));
    } finally {
      links.close();
    }
  });
}

/** An error of a request that somebody was let in for. */
async function expectCode(answer: Response, status: number, code: string): Promise<void> {
  const text = await answer.text();
  equal(answer.status, status, text);
  equal(JSON.parse(text).error.code, code);
}

Deno.test("a link that the page makes reads its stream and no other", async () => {
  await withKey(async (served) => {
    for (const name of ["a b/ü", "other"]) {
      await served.make(encodeURIComponent(name), TEXT, `of ${name}`);
    }
    const body = JSON.stringify({ name: "a b/ü", expiresInSeconds: 60 });
    const answer = await served.post(LINK, JSON_TYPE, body);
    equal(answer.status, 200);
    const { url } = await answer.json();
    match(url, /^http:\/\/localhost\/v1\/stream\/a%20b\/%C3%BC\?ds-p=/);
    const { pathname, search } = new URL(url);
    equal(await (await served.send("GET", pathname + search)).text(), "of a b/ü");
    equal((await served.send("POST", pathname + search, TEXT, "x")).status, 403);
    equal((await served.send("GET", `/v1/stream/other${search}`)).status, 403);
  });
});

Deno.test("a link's body has to be one, and its name no pattern over others", async () => {
  await withKey(async (served) => {
    for (
      const body of ["", "{", "[]", '{"name":"a"}', '{"name":"a","expiresInSeconds":604801}']
    ) {
      await expectCode(await served.post(LINK, JSON_TYPE, body), 400, "invalid_json");
    }
    for (const name of ["*", "a/*", "**", "a*b"]) {
      const body = JSON.stringify({ name, expiresInSeconds: 60 });
      await expectCode(await served.post(LINK, JSON_TYPE, body), 400, "invalid_name");
    }
    await expectCode(await served.get(LINK), 405, "method_not_allowed");
  });
});

Deno.test("no link is made where it would be one for another stream, or for none", async () => {
  await withKey(async (served) => {
    await served.make("a", TEXT, "of a");
    const names = ["a ", " a", "a\u00a0", "a\u2028b", "/a", "a/".repeat(64) + "a", "\ud800"];
    for (const name of names) {
      const body = JSON.stringify({ name, expiresInSeconds: 60 });
      await expectCode(await served.post(LINK, JSON_TYPE, body), 400, "invalid_name");
    }
  });
});

Deno.test("only an admin makes links, and nobody where the server has no key for them", async () => {
  const served = new GuardedFixture({ page: true });
  const some = served.authority.token("some", ["read **"]);
  const body = JSON.stringify({ name: "a", expiresInSeconds: 60 });
  await expectCode(await served.post(LINK, { ...JSON_TYPE, ...some }, body), 403, "forbidden");
  const root = { ...JSON_TYPE, ...served.root };
  await expectCode(await served.post(LINK, root, body), 404, "not_found");
  const open = new Fixture({ page: true });
  await expectError(await open.post(LINK, JSON_TYPE, body), 404, "not_found", /--link-key/);
});
