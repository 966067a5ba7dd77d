import { deepEqual, equal, ok } from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { createSecretToken, hashToken } from "../../src/access/tokens/token.ts";
import { encodeTokenFile } from "../../src/access/tokens/token_file.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";
import { type CollectedSpan, portOf, startCollector } from "../tracing/otlp_collector.ts";
import { type ServerProcess, startServer } from "./server_process.ts";
import { RUNTIME_TARGETS, WORKER_TARGETS } from "./targets.ts";

/** Traces as the real program sends them to a collector on this machine. */

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENT_SPAN = "00f067aa0ba902b7";
const TRACEPARENT = `00-${TRACE}-${CLIENT_SPAN}-01`;
const UNSAMPLED = "00-5bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
const SERVER_KIND = 2;
const CLIENT_KIND = 3;
const SECRET = "s3cr3t-of-a-parameter";
const HOOK_SECRET = "s3cr3t-of-a-webhook";

const TARGETS = [...RUNTIME_TARGETS, ...WORKER_TARGETS]
  .filter(({ name }) => ["deno", "bun", "executable", "deno-workers"].includes(name));

/** A webhook's endpoint that says it is done, and keeps the `traceparent` of what it gets. */
async function startHook() {
  const traceparents: string[] = [];
  const server = createServer((request, response) => {
    traceparents.push(String(request.headers["traceparent"]));
    request.resume().on("end", () => response.end('{"done":true}'));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${portOf(server.address())}/hook/${HOOK_SECRET}`,
    traceparents,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** A token that may do everything, in a file; a server takes it with the flags. */
function writeToken(dir: string): { token: string; flags: readonly string[] } {
  const token = createSecretToken();
  const record = {
    id: "t",
    sha256: hashToken(token).toString("hex"),
    subject: "tim",
    grants: ["create,append,read,subscribe **"],
    createdAtMs: 0,
  };
  Deno.writeFileSync(`${dir}/tokens`, encodeTokenFile([record]));
  return { token, flags: ["--tokens", `${dir}/tokens`] };
}

async function send(url: string, init: RequestInit, status: number): Promise<void> {
  const response = await fetch(url, init);
  equal(response.status, status, await response.text());
}

async function stop(server: ServerProcess): Promise<void> {
  server.signal("SIGTERM");
  const { code, stderr } = await server.ended;
  equal(code, 0, stderr);
}

for (const { name, command } of TARGETS) {
  Deno.test(`${name}: an append, its sync and its delivery are found in the client's trace`, async () => {
    await using collector = await startCollector();
    await using hook = await startHook();
    await withTempDir(async (dir) => {
      const { token, flags } = writeToken(dir);
      const env = {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_HEADERS: "x-key=k1",
        OTEL_SERVICE_NAME: "streams-of-a-test",
      };
      const all = [...flags, "--port", "0", "--dir", `${dir}/data`];
      await using server = await startServer(await command(), all, env);
      const headers = { authorization: `Bearer ${token}`, "content-type": "text/plain" };
      const stream = `${server.url}/events/a`;
      const put = { method: "PUT", headers: { ...headers, traceparent: UNSAMPLED } };
      await send(stream, put, 201);
      const subscription = JSON.stringify({
        type: "webhook",
        pattern: "events/*",
        webhook: { url: hook.url },
      });
      const subscribe = { ...put, body: subscription };
      await send(`${server.url}/__ds/subscriptions/s`, subscribe, 201);
      await send(`${stream}?odd=${SECRET}`, {
        method: "POST",
        body: "hello",
        headers: { ...headers, traceparent: TRACEPARENT },
      }, 204);
      await until(() => hook.traceparents.length > 0, () => "the webhook is called");
      await stop(server);

      const { spans } = collector;
      const named = (name: string) => {
        const found = spans.filter((span) => span.name === name);
        equal(found.length, 1, `${name} of ${spans.map(({ name }) => name)}`);
        return found[0] ?? spans[0] ?? fail();
      };
      const append = named("POST /v1/stream/*");
      const sync = named("log sync");
      const delivery = named("POST webhook");
      // The others' traces aren't recorded, as their client says.
      deepEqual(new Set(spans.map(({ traceId }) => traceId)), new Set([TRACE]));
      equal(collector.headers["x-key"], "k1");
      equal(append.service, "streams-of-a-test");
      deepEqual([append.kind, append.parentSpanId], [SERVER_KIND, CLIENT_SPAN]);
      deepEqual(Object.fromEntries(append.attributes), {
        "http.request.method": "POST",
        "http.response.status_code": "204",
        "http.route": "/v1/stream/*",
        "url.scheme": "http",
        "url.path": "/v1/stream/events/a",
        "url.query": "odd=***",
        "durable_streams.stream": "events/a",
      });
      deepEqual(sync.links, [`${TRACE}-${append.spanId}`]);
      equal(sync.parentSpanId, append.spanId);
      ok(sync.durationMs >= 0 && sync.durationMs <= append.durationMs, `${sync.durationMs} ms`);
      deepEqual([delivery.kind, delivery.parentSpanId], [CLIENT_KIND, append.spanId]);
      equal(delivery.attributes.get("durable_streams.subscription"), "s");
      equal(delivery.attributes.get("http.response.status_code"), "200");
      deepEqual(hook.traceparents, [`00-${TRACE}-${delivery.spanId}-01`]);
      for (const secret of [token, SECRET, HOOK_SECRET]) {
        ok(!collector.text.includes(secret), "no secret goes to the collector");
      }
    });
  });
}

function fail(): CollectedSpan {
  throw new Error("no span at all");
}

Deno.test("deno: a collector that is away or never answers holds up nothing", async () => {
  await using silent = await startCollector(true);
  for (const endpoint of ["http://127.0.0.1:1", silent.url]) {
    await withTempDir(async (dir) => {
      const env = {
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        OTEL_EXPORTER_OTLP_TIMEOUT: "200",
        OTEL_BSP_SCHEDULE_DELAY: "10",
        OTEL_BSP_MAX_QUEUE_SIZE: "20",
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "10",
      };
      const [deno] = RUNTIME_TARGETS;
      const flags = ["--port", "0", "--dir", `${dir}/data`];
      await using server = await startServer(await deno?.command() ?? [], flags, env);
      const stream = `${server.url}/a`;
      const headers = { "content-type": "text/plain" };
      await send(stream, { method: "PUT", headers }, 201);
      for (let i = 0; i < 10; i++) {
        const append = () => send(stream, { method: "POST", body: `${i}`, headers }, 204);
        await Promise.all(Array.from({ length: 20 }, append));
      }
      await until(() => /traces can't be sent/.test(server.stderr()), () => server.stderr());
      await stop(server);
    });
  }
});
