import { deepEqual, equal, throws } from "node:assert/strict";
import { checkJwksUrl, RemoteKeys } from "../../../src/access/jwt/remote_keys.ts";
import { rejectsWith } from "../../support/expect.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { makeKey } from "../access_kit.ts";

const [one, two] = await Promise.all([makeKey("ES256", "one"), makeKey("ES256", "two")]);

/** A server of keys that does what it is told. */
class KeyServer {
  readonly clock = new ManualClock();
  answer: () => Response | Promise<Response> = () => new Response("", { status: 500 });
  fetches = 0;
  changes = 0;
  readonly inits: RequestInit[] = [];
  readonly keys = new RemoteKeys("https://login.example/keys", {
    clock: this.clock,
    fetch: (_url, init) => {
      this.fetches++;
      this.inits.push(init);
      return Promise.resolve().then(() => this.answer());
    },
    onChange: () => this.changes++,
  });

  serve(...keys: readonly { jwk: unknown }[]): void {
    this.answer = () => Response.json({ keys: keys.map(({ jwk }) => jwk) });
  }

  async find(kid: string): Promise<(string | undefined)[]> {
    const found = await this.keys.keysFor({ alg: "ES256", kid });
    return found.map((key) => key.kid);
  }
}

Deno.test("keys are fetched once, and again once they are ten minutes old", async () => {
  const server = new KeyServer();
  server.serve(one);
  deepEqual(await Promise.all([server.find("one"), server.find("one")]), [["one"], ["one"]]);
  equal(server.fetches, 1);
  equal(server.inits[0]?.redirect, "error");
  server.clock.advance(599_999);
  await server.find("one");
  equal(server.fetches, 1);
  server.clock.advance(1);
  await server.find("one");
  equal(server.fetches, 2);
  equal(server.changes, 1);
  equal(server.clock.pendingTimers, 0);
});

Deno.test("an unknown key is looked for at most once in 30 s, and found after a rotation", async () => {
  const server = new KeyServer();
  server.serve(one);
  deepEqual(await server.find("two"), []);
  for (let i = 0; i < 100; i++) await server.find(`made up ${i}`);
  equal(server.fetches, 1);
  server.serve(two, one);
  server.clock.advance(29_999);
  deepEqual(await server.find("two"), []);
  server.clock.advance(1);
  deepEqual(await server.find("two"), ["two"]);
  deepEqual(await server.find("one"), ["one"]);
  equal(server.fetches, 2);
  equal(server.changes, 2);
});

Deno.test("the last good keys stay through an outage, which is asked about once in 30 s", async () => {
  const server = new KeyServer();
  server.serve(one);
  await server.find("one");
  const outages: readonly (() => Response | Promise<Response>)[] = [
    () => Promise.reject(new TypeError("connection refused")),
    () => new Response("", { status: 503 }),
    () => new Response("<html>"),
    () => Response.json({ keys: [] }),
    () => new Response("x".repeat(300_000)),
  ];
  server.clock.advance(600_000);
  for (const [index, outage] of outages.entries()) {
    server.answer = outage;
    deepEqual(await server.find("one"), ["one"]);
    deepEqual(await server.find("one"), ["one"]);
    await server.keys.refresh();
    equal(server.fetches, index + 2);
    server.clock.advance(30_000);
  }
  server.serve(two);
  deepEqual(await server.find("two"), ["two"]);
  deepEqual(await server.find("one"), [], "a key that is gone verifies nothing any more");
});

Deno.test("a server of keys that doesn't answer is given up after five seconds", async () => {
  const server = new KeyServer();
  server.answer = () =>
    new Promise((_, reject) => {
      server.inits[0]?.signal?.addEventListener("abort", () => reject(new Error("aborted")));
    });
  const found = server.find("one");
  await Promise.resolve();
  await Promise.resolve();
  server.clock.advance(5_000);
  await rejectsWith(found, "overloaded", /couldn't be fetched yet/);
});

Deno.test("keys come by https, or by http from this machine", () => {
  for (
    const url of [
      "https://a.example/k",
      "http://127.0.0.1:1/k",
      "http://[::1]/",
      "http://localhost/",
    ]
  ) {
    equal(checkJwksUrl(url), url);
  }
  for (const url of ["http://a.example/k", "http://10.0.0.1/", "ftp://a/", "x", "https://a:b@c/"]) {
    throws(() => checkJwksUrl(url), /expected one with https/);
  }
});

Deno.test("a clock that is set back keeps nobody from fetching keys", async () => {
  const server = new KeyServer();
  await server.keys.refresh();
  equal(server.fetches, 1);
  server.clock.advance(-3_600_000);
  server.serve(one);
  deepEqual(await server.find("one"), ["one"]);
  server.clock.advance(-3_600_000);
  await server.find("one");
  equal(server.fetches, 3);
});

Deno.test("in an outage nobody waits for a server of keys that hangs, but who needs another key", async () => {
  const server = new KeyServer();
  server.serve(one);
  await server.find("one");
  server.clock.advance(600_000);
  server.answer = () => new Response("", { status: 503 });
  await server.find("one");
  server.clock.advance(30_000);
  const hanging = Promise.withResolvers<Response>();
  server.answer = () => hanging.promise;
  deepEqual(await server.find("one"), ["one"]);
  equal(server.fetches, 3);
  const other = server.find("two");
  hanging.resolve(Response.json({ keys: [two.jwk] }));
  deepEqual(await other, ["two"]);
});
