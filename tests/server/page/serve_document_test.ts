import { equal, match, ok, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { Hono } from "hono";
import { createApp, createStartingHandler } from "../../../src/server/app.ts";
import { PAGE_CONFIG_MARK } from "../../../src/server/page/document.ts";
import { serve } from "../../../src/server/serve.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import { expectError, type Fields, Fixture } from "../../support/fixture.ts";
import { GuardedFixture } from "../access/authority.ts";

/** The document that a browser shows at /ui and at /. */

const BROWSER: Fields = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

function configIn(html: string): unknown {
  const [, json = "null"] =
    /<script type="application\/json" id="config">(.*?)<\/script>/.exec(html) ?? [];
  return JSON.parse(json);
}

Deno.test("the page is at /ui for everybody and at / for browsers, and text stays at / for curl", async () => {
  const served = new Fixture({ welcome: true, page: true, version: "1.2.3" });
  for (const [path, headers] of [["/ui", {}], ["/ui?x=1", BROWSER], ["/", BROWSER]] as const) {
    const answer = await served.send("GET", path, headers);
    equal(answer.status, 200);
    equal(answer.headers.get("content-type"), "text/html; charset=utf-8");
    const html = await answer.text();
    ok(!html.includes(PAGE_CONFIG_MARK));
    equal(
      JSON.stringify(configIn(html)),
      JSON.stringify({ prefix: "/v1/stream", base: "./", version: "1.2.3", access: false }),
    );
  }
  const text = await served.send("GET", "/");
  equal(text.headers.get("content-type"), "text/plain; charset=utf-8");
  match(await text.text(), /^durable-streams 1\.2\.3\n/);
  const head = await served.send("HEAD", "/ui");
  equal([head.status, await head.text()].join(), "200,");
});

Deno.test("the page's policy lets nothing run but its own scripts and style, by their hashes", async () => {
  const served = new Fixture({ page: true });
  const answer = await served.send("GET", "/ui");
  const policy = answer.headers.get("content-security-policy") ?? "";
  const html = await answer.text();
  for (const part of ["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'"]) {
    ok(policy.includes(part), part);
  }
  ok(!policy.includes("unsafe"));
  equal(answer.headers.get("cross-origin-opener-policy"), "same-origin");
  equal(answer.headers.get("cross-origin-resource-policy"), "same-origin");
  equal(answer.headers.get("referrer-policy"), "no-referrer");
  equal(answer.headers.get("x-content-type-options"), "nosniff");
  const inline = [...html.matchAll(/<(script|style)([^>]*)>([^]*?)<\/\1>/g)];
  for (const [, element, attributes = "", text = ""] of inline) {
    if (attributes.includes("application/json")) continue;
    const hash = createHash("sha256").update(text).digest("base64");
    const sources = policy.split("; ").find((part) => part.startsWith(`${element}-src `)) ?? "";
    ok(sources.split(" ").includes(`'sha256-${hash}'`), `${element} is let run by its hash`);
  }
});

Deno.test("what the configuration says can't end its element", async () => {
  const version = "1</script><script>alert(1)</script>$&<!--";
  const served = new Fixture({ page: true, version });
  const html = await (await served.send("GET", "/ui")).text();
  ok(!html.includes("alert(1)</script>") && !html.includes("<!--"));
  ok(JSON.stringify(configIn(html)).includes(JSON.stringify(version)));
});

Deno.test("the page goes compressed to those who take that, and not at all to those who have it", async () => {
  const served = new Fixture({ page: true });
  const plain = await served.send("GET", "/ui");
  const html = await plain.text();
  const etag = plain.headers.get("etag") ?? "";
  const zipped = await served.send("GET", "/ui", { "accept-encoding": "gzip, br" });
  equal(zipped.headers.get("content-encoding"), "gzip");
  equal(gunzipSync(new Uint8Array(await zipped.arrayBuffer())).toString("utf8"), html);
  equal(zipped.headers.get("etag"), etag);
  match(plain.headers.get("vary") ?? "", /accept-encoding/);
  equal(plain.headers.get("cache-control"), "no-cache");
  const known = await served.send("GET", "/ui", { "if-none-match": `"x", ${etag}` });
  equal([known.status, await known.text()].join(), "304,");
  const other = new Fixture({ page: true, version: "another" });
  ok((await other.send("GET", "/ui")).headers.get("etag") !== etag);
});

Deno.test("where the page is off, /ui says which flag turns it on, and a browser gets what / says", async () => {
  const served = new Fixture({ welcome: true });
  await expectError(await served.send("GET", "/ui"), 404, "not_found", /--page/);
  const answer = await served.send("GET", "/", BROWSER);
  match(await answer.text(), /<h1>durable-streams/);
  for (const path of ["feed", "streams", "stream?name=a"]) {
    const control = await served.get(`__ds/page/${path}`);
    await expectError(control, 404, "not_found", /--page/);
  }
  throws(
    () => createApp({ storage: served.storage, page: true, streamName: () => "x" }),
    RangeError,
  );
});

Deno.test("other methods find no stream at /ui, and a stream may be called ui where there is no prefix", async () => {
  const served = new Fixture({ page: true, welcome: true });
  for (const method of ["PUT", "POST", "DELETE"]) {
    await expectError(await served.send(method, "/ui"), 404, "not_found");
  }
  const bare = new Fixture({ page: true, welcome: true, prefix: "/" });
  equal((await bare.send("PUT", "/ui", { "content-type": "text/plain" }, "mine")).status, 201);
  equal(await (await bare.send("GET", "/ui")).text(), "mine");
  const html = await (await bare.send("GET", "/", BROWSER)).text();
  ok(JSON.stringify(configIn(html)).includes('"prefix":""'));
});

Deno.test("a slash too many leads to the page, also whoever has no token yet", async () => {
  for (const served of [new Fixture({ page: true }), new GuardedFixture({ page: true })]) {
    const answer = await served.send("GET", "/ui/");
    equal([answer.status, answer.headers.get("location")].join(), "307,../ui");
  }
  equal((await new GuardedFixture().send("GET", "/ui/")).status, 404);
});

Deno.test("a page that is mounted elsewhere asks beside itself", async () => {
  const outer = new Hono();
  outer.route("/api/v2", createApp({ storage: createMemoryStorage(), page: true }));
  const answer = await outer.request("http://x.example/api/v2/ui");
  equal(answer.status, 200);
  const json = JSON.stringify(configIn(await answer.text()));
  equal(json, JSON.stringify({ prefix: "/v1/stream", base: "./", version: "", access: false }));
  const asked = new URL("./v1/stream/__ds/page/stream?name=a", "http://x.example/api/v2/ui");
  await expectError(await outer.request(asked.href), 404, "not_found", /no stream "a"/);
});

Deno.test("a link on another site leads to the page, though no other site gets at it", async () => {
  const foreign = { "sec-fetch-site": "cross-site" };
  const link = { ...foreign, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
  for (const cors of ["loopback", "*", "none"]) {
    const served = new Fixture({ page: true, welcome: true, cors });
    for (const path of ["/ui", "/"]) {
      const headers = { ...BROWSER, ...link };
      const answer = await served.send("GET", path, headers);
      equal(answer.status, 200);
      equal(answer.headers.get("cross-origin-resource-policy"), "same-origin");
      await answer.body?.cancel();
    }
    const framed = { ...link, "sec-fetch-dest": "iframe" };
    for (const headers of [foreign, framed, { origin: "https://other.example" }]) {
      const refused = await served.send("GET", "/ui", { ...BROWSER, ...headers });
      await expectError(refused, 403, "origin_not_allowed");
    }
    // What has data is for nobody from there.
    const data = await served.get("__ds/page/streams", link);
    await expectError(data, 403, "origin_not_allowed");
  }
});

Deno.test("the page is served while the server starts, and what it asks for says that it does", async () => {
  const options = { page: true, welcome: true };
  const { handler } = createStartingHandler(options, () => ({ state: "starting" }));
  const ask = (path: string, headers: Fields) =>
    new Promise<number>((resolve) =>
      handler({
        method: "GET",
        url: `http://127.0.0.1${path}`,
        headers: { get: (name) => headers[name] ?? null },
        body: null,
        signal: new AbortController().signal,
      }, ({ status }) => resolve(status))
    );
  equal(await ask("/ui", {}), 200);
  equal(await ask("/", BROWSER), 200);
  equal(await ask("/", {}), 503);
  equal(await ask("/v1/stream/__ds/page/feed", {}), 503);
});

Deno.test("serve() shows the page where only this machine reaches it, or somebody is asked who they are", async () => {
  const authorize = () => undefined;
  for (
    const [options, status] of [
      [{}, 200],
      [{ page: false }, 404],
      [{ hostname: "0.0.0.0" }, 404],
      [{ hostname: "0.0.0.0", page: true }, 200],
      [{ hostname: "0.0.0.0", authorize }, 200],
    ] as const
  ) {
    const server = await serve({ storage: createMemoryStorage(), port: 0, ...options });
    const answer = await fetch(`http://127.0.0.1:${server.port}/ui`);
    equal(answer.status, status, JSON.stringify(options));
    await answer.body?.cancel();
    await server.stop();
  }
});
