import { deepEqual, equal, ok } from "node:assert/strict";
import type { Fields } from "../../support/fixture.ts";
import { bearer } from "../../support/subscription_fixture.ts";
import { GuardedFixture, recordNames } from "./authority.ts";

const STREAM = "/v1/stream";
const CONTROL = `${STREAM}/__ds`;
const METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH"];

/** Every route that needs credentials. */
const GUARDED = [
  `${STREAM}/secret/a`,
  `${STREAM}s/secret/a`,
  `${STREAM}/secret/missing`,
  `${STREAM}/secret/a?offset=-1&live=long-poll`,
  `${STREAM}/secret/a?offset=-1&live=sse`,
  `${CONTROL}/streams`,
  `${CONTROL}/nothing`,
  `${CONTROL}/jwks.json/rotate`,
  `${CONTROL}/subscriptions`,
  `${CONTROL}/subscriptions/theirs`,
  `${CONTROL}/subscriptions/missing`,
  `${CONTROL}/subscriptions/theirs/streams`,
  `${CONTROL}/subscriptions/theirs/streams/secret%2Fa`,
  `${CONTROL}/subscriptions/theirs/claim`,
  `${CONTROL}/subscriptions/theirs/retry`,
  `${CONTROL}/subscriptions/missing/retry`,
  `${CONTROL}/page/feed`,
  `${CONTROL}/page/feed?rates=secret/a`,
  `${CONTROL}/page/streams`,
  `${CONTROL}/page/streams?q=secret`,
  `${CONTROL}/page/streams?delimiter=/`,
  `${CONTROL}/page/stream?name=secret/a`,
  `${CONTROL}/page/stream?name=missing`,
  `${CONTROL}/page/link`,
  `${CONTROL}/page/nothing`,
  `${CONTROL}/session`,
  "/health",
  "/health/other",
  "/metrics",
  "/nothing",
];

/** Those that show to anybody what is theirs. */
const OWN_LISTINGS = [
  `${CONTROL}/streams`,
  `${CONTROL}/subscriptions`,
  `${CONTROL}/page/streams`,
  `${CONTROL}/page/streams?q=secret`,
  `${CONTROL}/page/streams?delimiter=/`,
];

/** Credentials that are none. */
const FAULTY: readonly (readonly [string, Fields])[] = [
  ["no credentials", {}],
  ["an expired token", bearer("expired")],
  ["a token that isn't valid yet", bearer("early")],
  ["a revoked token", bearer("revoked")],
  ["an oversized token", bearer("x".repeat(100_000))],
  ["an empty token", { authorization: "" }],
  ["another scheme", { authorization: "Basic cm9vdDpyb290" }],
  ["another's token in other letters", bearer("ROOT")],
];

async function filled(): Promise<GuardedFixture> {
  const served = new GuardedFixture({ page: true });
  await served.fill("mine/a", "secret/a");
  const made = await served.control("PUT", "theirs", {
    type: "webhook",
    pattern: "secret/*",
    webhook: { url: "http://localhost:9/hook" },
  }, served.root);
  equal(made.status, 201);
  served.authority.token("mine", [
    "read,append,create,close,delete,list,subscribe mine/**",
    "a grant that nobody can read",
  ]);
  return served;
}

function bodyOf(method: string): BodyInit | undefined {
  return method === "GET" || method === "HEAD" ? undefined : "{}";
}

/** It only takes back a cookie, also one that is no good any more. */
function isSessionEnd(method: string, path: string): boolean {
  return method === "DELETE" && path === `${CONTROL}/session`;
}

for (const [title, credentials] of FAULTY) {
  Deno.test(`with ${title} every route is 401 before anything is looked up`, async () => {
    const served = await filled();
    const asked = recordNames(served.storage);
    for (const path of GUARDED) {
      for (const method of METHODS) {
        const answer = await served.send(method, path, credentials, bodyOf(method));
        const text = await answer.text();
        if (isSessionEnd(method, path)) {
          equal(answer.status, 204);
          continue;
        }
        equal(answer.status, 401, `${method} ${path}: ${text}`);
        ok(answer.headers.get("www-authenticate")?.startsWith("Bearer"), `${method} ${path}`);
        equal(answer.headers.get("cache-control"), "no-store");
        ok(!text.includes("xxxx"), "the token isn't repeated");
      }
    }
    deepEqual(asked, []);
  });
}

Deno.test("a permit whose time is over, or that was revoked, is 401 though the authority hands it out", async () => {
  const served = await filled();
  const revoked = new AbortController();
  const late = { expiresAtMs: served.clock.nowMs() + 1000 };
  const timed = served.authority.token("timed", ["read **"], late);
  const ended = served.authority.token("ended", ["read **"], { signal: revoked.signal });
  for (const token of [timed, ended]) equal((await served.get("secret/a", token)).status, 200);
  served.clock.advance(1000);
  revoked.abort();
  for (const token of [timed, ended]) equal((await served.get("secret/a", token)).status, 401);
});

Deno.test("with another path's token no route answers, and nothing of others is looked up", async () => {
  const served = await filled();
  const asked = recordNames(served.storage);
  for (const path of GUARDED) {
    for (const method of METHODS) {
      const answer = await served.send(method, path, bearer("mine"), bodyOf(method));
      // A page's feed has no end: what it says of rights has its own test.
      if (path === `${CONTROL}/page/feed` && method === "GET") {
        equal(answer.status, 200);
        await answer.body?.cancel();
        continue;
      }
      const text = await answer.text();
      if (answer.status === 200) {
        // The listings are theirs, too, with nothing of others in them.
        ok(OWN_LISTINGS.includes(path), path);
        equal(method, "GET");
        ok(!text.includes("secret") && !text.includes("theirs"), text);
      } else if (answer.status === 204) {
        ok(isSessionEnd(method, path));
        continue;
      } else {
        ok([400, 403, 404, 405].includes(answer.status), `${method} ${path}: ${answer.status}`);
      }
      equal(answer.headers.get("cache-control"), "private, no-store");
      ok(!text.includes("of secret/a"));
    }
  }
  ok(asked.every((name) => name.startsWith("mine")), JSON.stringify(asked));
});

Deno.test("without a right a stream that is there and one that isn't answer the same", async () => {
  const served = await filled();
  for (const method of ["GET", "HEAD", "PUT", "POST", "DELETE"]) {
    const told = await Promise.all(["secret/a", "secret/b"].map(async (name) => {
      const answer = await served.send(method, name, bearer("mine"), bodyOf(method));
      return `${answer.status} ${withoutId(await answer.text()).replaceAll(name, "NAME")}`;
    }));
    equal(told[0], told[1]);
    ok(told[0]?.startsWith("403"), told[0]);
  }
});

Deno.test("without a right a subscription that is there and one that isn't answer the same", async () => {
  const served = await filled();
  const requests: readonly (readonly [string, string])[] = [
    ["GET", ""],
    ["DELETE", ""],
    ["POST", "/streams"],
    ["DELETE", "/streams/mine%2Fa"],
    ["POST", "/claim"],
    ["POST", "/retry"],
  ];
  for (const [method, rest] of requests) {
    const told = await Promise.all(["theirs", "missing"].map(async (name) => {
      const json = method === "POST" ? { streams: ["mine/a"], worker: "w" } : undefined;
      const answer = await served.control(method, name + rest, json, bearer("mine"));
      return `${answer.status} ${withoutId(await answer.text()).replaceAll(name, "NAME")}`;
    }));
    equal(told[0], told[1]);
    ok(told[0]?.startsWith("403"), told[0]);
  }
  // To whoever may see all, a missing one is no secret.
  equal((await served.control("GET", "missing", undefined, served.root)).status, 404);
});

/** Ways to write a name of another's so that it might pass for one of one's own. */
const TRICKS = [
  "secret%2Fa",
  "%73ecret/a",
  "mine/../secret/a",
  "mine/%2e%2e/secret/a",
  "mine%2F..%2Fsecret%2Fa",
  "mine%2f%2e%2e%2fsecret%2fa",
  "mine%252F..%252Fsecret%252Fa",
  "mine/..%2Fsecret/a",
  "mine/..%252Fsecret/a",
  "mine/..;/secret/a",
  "mine\\..\\secret\\a",
  "mine%5C..%5Csecret%5Ca",
  "/secret/a",
  "//secret/a",
  "mine//../secret/a",
  "mine/%00/../../secret/a",
  "mine%00/../secret/a",
  "%6dine%2F%2E./secret/a",
  "mine?/../secret/a",
  "mine#/../secret/a",
  "./secret/a",
  "%E2%80%8Bsecret/a",
  "secret/a%20",
  "secret/a/",
  "Secret/a",
  "**",
  "*/a",
  "mine*",
  "mine",
  "mine/",
  "mine%2F",
  "mines/a",
  "__ds%2Fstreams",
  "%5F_ds/subscriptions/theirs",
  "__ds/../secret/a",
  "__ds/%2e%2e/secret/a",
  "__ds/subscriptions/theirs%2F..%2F..%2Fsecret",
  "__ds/subscriptions/mine%2Ftheirs",
  "__ds/subscriptions/../streams",
  "__ds/subscriptions/theirs/ack/../claim",
  "__ds/subscriptions/theirs/ack%2F..%2Fclaim",
  "__ds/subscriptions//theirs",
  "__ds/jwks.json/../subscriptions/theirs",
  "__ds/jwks.json%2F..%2Fsubscriptions%2Ftheirs",
];

for (const trick of TRICKS) {
  Deno.test(`the path ${trick} gets nobody at what is another's`, async () => {
    const served = await filled();
    const asked = recordNames(served.storage);
    for (const method of METHODS) {
      const answer = await served.send(
        method,
        `${STREAM}/${trick}`,
        bearer("mine"),
        bodyOf(method),
      );
      const text = await answer.text();
      ok(!text.includes("of secret/a") && !text.includes("secret/*"), `${method}: ${text}`);
      // What isn't looked at as one's own is rejected, whatever it is; 401 asks for a wake's token.
      const isRejected = answer.status >= 400 && answer.status < 500;
      const isOwn = asked.length > 0 || text.startsWith('{"streams":[') ||
        text.startsWith('{"subscriptions":[]');
      ok(isRejected || isOwn, `${method}: ${answer.status} ${text}`);
      equal((await served.send(method, `${STREAM}/${trick}`, {}, bodyOf(method))).status, 401);
    }
    ok(asked.every((name) => name === "mine" || name.startsWith("mine/")), JSON.stringify(asked));
    equal((await served.control("GET", "theirs", undefined, served.root)).status, 200);
    equal((await served.get("secret/a", served.root)).status, 200);
  });
}

Deno.test("what is for everybody asks nobody: the page, the preflight, the public keys", async () => {
  const served = await filled();
  served.authority.asked.length = 0;
  equal((await served.send("GET", "/")).status, 200);
  equal((await served.send("GET", "/ui")).status, 200);
  for (const path of GUARDED) equal((await served.send("OPTIONS", path)).status, 204, path);
  for (const path of ["/health/live", "/health/ready"]) {
    const answer = await served.send("GET", path);
    equal(answer.status, 200);
    ok(!(await answer.text()).includes("secret"));
  }
  const keys = await served.send("GET", `${CONTROL}/jwks.json`);
  equal(keys.status, 200);
  equal(keys.headers.get("cache-control")?.startsWith("public"), true);
  deepEqual(served.authority.asked, []);
  equal((await served.send("POST", `${CONTROL}/jwks.json`, {}, "{}")).status, 405);
});

Deno.test("ack, callback and release take a wake's token and no other, and tell nobody which subscriptions there are", async () => {
  const served = await filled();
  served.authority.asked.length = 0;
  for (const action of ["ack", "callback", "release"]) {
    const told = await Promise.all(["theirs", "missing"].map(async (name) => {
      const body = { generation: 1, wake_id: "w" };
      const answer = await served.control("POST", `${name}/${action}`, body, served.root);
      return `${answer.status} ${withoutId(await answer.text())}`;
    }));
    equal(told[0], told[1]);
    ok(told[0]?.startsWith("401"), told[0]);
    // No other method lives by that token.
    equal((await served.control("GET", `theirs/${action}`)).status, 401);
  }
});

/** An error without the request's own id, which is another each time. */
function withoutId(text: string): string {
  return text.replace(/,"requestId":"[^"]*"/, "");
}
