import { deepEqual, equal, ok } from "node:assert/strict";
import { createApp } from "../../../src/server/app.ts";
import { CLOSE, expectError, type Fields, TEXT } from "../../support/fixture.ts";
import { GuardedFixture, recordNames } from "./authority.ts";

/** A token that has one verb over `a/**`. */
function only(served: GuardedFixture, ...verbs: string[]): Fields {
  return served.authority.token(verbs.join("+"), [`${verbs.join(",")} a/**`]);
}

/** A method, its headers and whether it has a body; the verbs that it needs. */
const NEEDS: readonly (readonly [string, Fields, string | undefined, readonly string[]])[] = [
  ["GET", {}, undefined, ["read"]],
  ["HEAD", {}, undefined, ["read"]],
  ["POST", TEXT, "x", ["append"]],
  ["POST", CLOSE, undefined, ["close"]],
  ["POST", { ...TEXT, ...CLOSE }, "x", ["close", "append"]],
  ["POST", { ...TEXT, "stream-closed": "TRUE" }, "x", ["close", "append"]],
  ["PUT", TEXT, undefined, ["create"]],
  ["PUT", { ...TEXT, ...CLOSE }, "x", ["create", "close"]],
  ["DELETE", {}, undefined, ["delete"]],
  ["PATCH", { "stream-trim-before": "now" }, undefined, ["delete"]],
  ["PATCH", { "stream-retention": "bytes=1" }, undefined, ["delete"]],
];
const VERBS = ["read", "append", "create", "close", "delete", "list", "subscribe", "admin"];

for (const [method, headers, body, needed] of NEEDS) {
  const title = `${method} ${JSON.stringify(headers)} ${body === undefined ? "" : "with a body"}`;
  Deno.test(`${title} needs ${needed.join(" and ")}, each of them and nothing else`, async () => {
    for (const lacking of [undefined, ...needed]) {
      const served = new GuardedFixture();
      if (method !== "PUT") await served.fill("a/b");
      const verbs = lacking === undefined ? needed : VERBS.filter((verb) => verb !== lacking);
      const token = only(served, ...verbs);
      const asked = recordNames(served.storage);
      const answer = await served.send(method, "a/b", { ...headers, ...token }, body);
      const text = await answer.text();
      if (lacking === undefined) ok(answer.status < 300, `${answer.status} ${text}`);
      else {
        equal(answer.status, 403, `without ${lacking}: ${answer.status} ${text}`);
        deepEqual(asked, []);
        ok(method === "HEAD" || text.includes(lacking), text);
      }
      equal(answer.headers.get("cache-control"), "private, no-store");
    }
  });
}

Deno.test("a verb counts where it was granted, not elsewhere", async () => {
  const served = new GuardedFixture();
  await served.fill("a/b", "c/d");
  const token = served.authority.token("t", ["read a/*", "append c/**"]);
  equal((await served.get("a/b", token)).status, 200);
  equal((await served.post("c/d", { ...TEXT, ...token }, "x")).status, 204);
  await expectError403(await served.get("c/d", token));
  await expectError403(await served.post("a/b", { ...TEXT, ...token }, "x"));
});

Deno.test("a fork needs read on its source, whether there is such a stream or not", async () => {
  const served = new GuardedFixture();
  await served.fill("secret/a", "mine/a");
  const token = served.authority.token("t", ["read,create mine/**"]);
  const asked = recordNames(served.storage);
  const fork = (source: string) =>
    served.put("mine/fork", { ...token, "stream-forked-from": source });
  const prefix = "/v1/stream/";
  for (
    const source of [
      `${prefix}secret/a`,
      `${prefix}secret/b`,
      `${prefix}mine/../secret/a`,
      `${prefix}secret%2Fa`,
      `/v1/streams/secret/a`,
      `http://localhost${prefix}secret/a`,
    ]
  ) {
    const answer = await fork(source);
    await expectError403(answer, source);
  }
  deepEqual(asked, []);
  equal((await fork(`${prefix}mine/a`)).status, 201);
  equal(await (await served.get("mine/fork", token)).text(), "of mine/a");
});

Deno.test("whoever may only close may not add a last message, nor in another coding", async () => {
  const served = new GuardedFixture();
  await served.fill("a/b");
  const token = only(served, "close");
  await expectError403(await served.post("a/b", { ...TEXT, ...CLOSE, ...token }, "last"));
  const gzip = new Response("last").body?.pipeThrough(new CompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(gzip).arrayBuffer());
  const headers = { ...TEXT, ...CLOSE, ...token, "content-encoding": "gzip" };
  await expectError403(await served.post("a/b", headers, bytes));
  equal((await served.post("a/b", { ...CLOSE, ...token })).status, 204);
  equal(await (await served.get("a/b", served.root)).text(), "of a/b");
});

Deno.test("the health with its details is for admins of everything", async () => {
  const served = new GuardedFixture();
  const some = served.authority.token("some", ["admin a/**", "read,list **"]);
  await expectError403(await served.send("GET", "/health", some));
  equal((await served.send("GET", "/health", served.root)).status, 200);
});

Deno.test("what was authorized stays out of every cache: reads, also validated ones, and live ones", async () => {
  const served = new GuardedFixture({ longPollTimeoutMs: 0 });
  await served.fill("a/b");
  const token = only(served, "read");
  const plain = await served.get("a/b?offset=-1", token);
  equal(plain.headers.get("cache-control"), "private, no-store");
  equal(plain.headers.get("referrer-policy"), "no-referrer");
  const etag = plain.headers.get("etag") ?? "";
  const same = await served.get("a/b?offset=-1", { ...token, "if-none-match": etag });
  equal(same.status, 304);
  equal(same.headers.get("cache-control"), "private, no-store");
  for (const live of ["sse", "long-poll"]) {
    const answer = await served.get(`a/b?offset=-1&live=${live}`, token);
    const expected = live === "sse" ? "private, no-store, no-cache" : "private, no-store";
    equal(answer.headers.get("cache-control"), expected);
    await answer.body?.cancel();
  }
});

Deno.test("an authority that answers later gets the request's body to the storage all the same", async () => {
  const served = new GuardedFixture();
  await served.fill("a/b");
  const app = createApp({
    storage: served.storage,
    subscriptions: false,
    authorize: async () => {
      await new Promise((resolve) => setTimeout(resolve, 0));
      return { subject: "t", grants: ["append,read a/**"] };
    },
  });
  const url = "/v1/stream/a/b";
  equal((await app.request(url, { method: "POST", headers: TEXT, body: "!" })).status, 204);
  equal(await (await app.request(url)).text(), "of a/b!");
  equal((await app.request(url, { method: "DELETE" })).status, 403);
});

Deno.test("an authority that fails lets nobody in, and its message stays in the log", async () => {
  for (const isAsync of [false, true]) {
    const served = new GuardedFixture({
      authorize: () => {
        const error = new Error("the directory of tokens is away");
        if (isAsync) return Promise.reject(error);
        throw error;
      },
    });
    const asked = recordNames(served.storage);
    const answer = await served.get("a/b");
    await expectError(answer, 500, "internal");
    deepEqual(asked, []);
  }
});

Deno.test("a grant that can't be read allows nothing, the others of its permit what they say", async () => {
  const served = new GuardedFixture();
  await served.fill("a/b");
  const token = served.authority.token("t", ["read a*b", "reads **", "read", "**", "", "read a/b"]);
  equal((await served.get("a/b", token)).status, 200);
  await expectError403(await served.get("a/c", token));
});

async function expectError403(answer: Response, title?: string): Promise<void> {
  const { error } = await answer.json();
  equal(answer.status, 403, title);
  equal(error.code, "forbidden", title);
  equal(answer.headers.get("www-authenticate"), 'Bearer error="insufficient_scope"');
}

Deno.test("a permit whose end is no number lets nobody in", async () => {
  const app = new GuardedFixture();
  await app.fill("a");
  const token = app.authority.token("nan", ["read a"], { expiresAtMs: NaN });
  await expectError(await app.get("a", token), 401, "token_expired");
  await expectError(await app.get("a?offset=-1&live=sse", token), 401, "token_expired");
});
