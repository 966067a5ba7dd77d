import { equal, match, ok } from "node:assert/strict";
import { Hono } from "hono";
import { serve } from "../../../src/server/serve.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import { expectError, type Fields, Fixture, TEXT } from "../../support/fixture.ts";

/** GET / says what this is and where to go on. */

const HTML: Fields = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

async function page(
  served: Fixture,
  headers: Fields = {},
  url = "http://127.0.0.1:4437/",
): Promise<string> {
  const answer = await served.app.request(url, { headers });
  equal(answer.status, 200);
  return await answer.text();
}

Deno.test("GET / is short text with lines to copy, where nobody asks for HTML", async () => {
  const served = new Fixture({ welcome: true, version: "1.2.3", health: "/health", listing: true });
  for (const accept of ["*/*", "text/plain", "text/html;q=0, */*", "application/json"]) {
    const answer = await served.send("GET", "/", { accept });
    equal(answer.headers.get("content-type"), "text/plain; charset=utf-8");
    await answer.body?.cancel();
  }
  const text = await page(served);
  match(text, /^durable-streams 1\.2\.3\n/);
  ok(text.includes("curl 'http://127.0.0.1:4437/v1/stream/my-stream'\n"));
  ok(text.includes("/v1/stream/__ds/streams\n") && text.includes(" /health\n"));
  ok(text.length < 1_200);
});

Deno.test("GET / leads to the page where there is one", async () => {
  for (const has of [true, false]) {
    const text = await page(new Fixture({ welcome: true, page: has }));
    equal(text.includes("A page to look at the streams: /ui\n"), has);
  }
});

Deno.test("GET / is a page for browsers, which runs nothing and no cache keeps", async () => {
  const served = new Fixture({ welcome: true, health: "/health" });
  const answer = await served.send("GET", "/?x", HTML);
  equal(answer.headers.get("content-type"), "text/html; charset=utf-8");
  match(answer.headers.get("content-security-policy") ?? "", /^default-src 'none';/);
  equal(answer.headers.get("x-content-type-options"), "nosniff");
  equal(answer.headers.get("cache-control"), "no-store");
  equal(answer.headers.get("vary"), "accept, origin");
  equal(answer.headers.get("access-control-allow-origin"), null);
  const html = await answer.text();
  ok(html.includes('<a href="/health">/health</a>') && !html.includes("__ds"));
});

Deno.test("HEAD / has GET's headers alone", async () => {
  const served = new Fixture({ welcome: true });
  const answer = await served.send("HEAD", "/", HTML);
  equal(answer.status, 200);
  equal(answer.headers.get("content-type"), "text/html; charset=utf-8");
  equal(await answer.text(), "");
});

Deno.test("other methods find no stream at /, and OPTIONS is a preflight as anywhere", async () => {
  const served = new Fixture({ welcome: true });
  for (const method of ["PUT", "POST", "DELETE"]) {
    await expectError(await served.send(method, "/", TEXT), 404, "not_found", /streams are under/);
  }
  equal((await served.send("OPTIONS", "/")).status, 204);
});

Deno.test("with the prefix / the page is at /, which is no stream's name, and streams are as ever", async () => {
  const served = new Fixture({ welcome: true, prefix: "/" });
  ok((await page(served)).includes("'http://127.0.0.1:4437/my-stream'"));
  equal((await served.put("/a", TEXT, "x")).status, 201);
  equal(await served.content("/a"), "x");
  await expectError(await served.put("/", TEXT), 400, "invalid_name");
});

Deno.test("an app doesn't answer / unless told to", async () => {
  await expectError(
    await new Fixture().get("/"),
    404,
    "not_found",
    /^No stream has this URL; streams/,
  );
});

Deno.test("in other apps: the page and the 404 name the whole path, and a route of the outer app wins", async () => {
  const { app } = new Fixture({ welcome: true, health: "/health" });
  const outer = new Hono().get("/", (context) => context.text("mine")).route("/api", app);
  equal(await (await outer.request("/")).text(), "mine");
  const text = await (await outer.request("/api/")).text();
  ok(text.includes("http://localhost/api/v1/stream/my-stream") && text.includes(" /api/health\n"));
  for (const path of ["/api/v1", "/api/x?y=/z", "/api"]) {
    const answer = await outer.request(path);
    await expectError(answer, 404, "not_found", /streams are under \/api\/v1\/stream\/,/);
  }
  const { app: mounted } = new Fixture({ welcome: true, mountPath: "/m" });
  const mounting = new Hono().mount("/m", mounted.fetch);
  ok((await (await mounting.request("/m/")).text()).includes("http://localhost/m/v1/stream/"));
  await expectError(await mounting.request("/m/x"), 404, "not_found", /under \/m\/v1\/stream\//);
});

Deno.test("the page names the public URL behind a proxy, and nothing that a request made up", async () => {
  const served = new Fixture({ welcome: true, trustProxy: true });
  const proxied = { "x-forwarded-proto": "https", "x-forwarded-host": "app.example" };
  ok((await page(served, proxied)).includes("https://app.example/v1/stream/my-stream"));
  for (const host of ["x'$(id)", "x&y", "x;y"]) {
    const headers = { ...HTML };
    const html = await page(served, headers, `http://${host}/`);
    ok(html.includes("http://HOST/v1/stream/my-stream") && !html.includes(host));
  }
});

Deno.test("pages of other sites don't get it, though * lets them use the streams", async () => {
  const served = new Fixture({ welcome: true, cors: "*" });
  const answer = await served.send("GET", "/", { origin: "https://other.example" });
  await expectError(answer, 403, "origin_not_allowed");
});

Deno.test("serve() answers / unless told not to", async () => {
  for (const [options, status] of [[{}, 200], [{ welcome: false }, 404]] as const) {
    const server = await serve({ storage: createMemoryStorage(), port: 0, ...options });
    const answer = await fetch(new URL("/", server.url));
    equal(answer.status, status);
    await answer.body?.cancel();
    await server.stop();
  }
});

Deno.test("with the prefix / the root tells what this is, after requests for streams as before them", async () => {
  const served = new Fixture({ welcome: true, prefix: "/" });
  for (const target of ["/", "/?x"]) {
    equal((await served.get(target)).status, 200);
    equal((await served.get("/a")).status, 404);
    equal((await served.get(target)).status, 200);
  }
});
