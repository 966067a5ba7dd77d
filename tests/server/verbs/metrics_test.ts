import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { familyOf, METRIC_NAMES } from "../../../src/metrics/families.ts";
import { openFileStorage } from "../../../src/storage/file/open.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import { createApp } from "../../../src/server/app.ts";
import { serve } from "../../../src/server/serve.ts";
import { type ParsedFamily, parseExposition } from "../../metrics/exposition_parser.ts";
import { Fixture, producer, TEXT } from "../../support/fixture.ts";
import { until } from "../../support/until.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { inRepo } from "../../tools/repo.ts";

const OPEN_METRICS = { accept: "application/openmetrics-text" };

/** An app with metrics, and what they say. */
class MetricsFixture extends Fixture {
  /** The value of a series, given as it is written: `name{label="value"}`. */
  async value(series: string): Promise<number | undefined> {
    const response = await this.send("GET", "/metrics");
    const line = (await response.text()).split("\n").find((each) => each.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.split(" ").at(-1));
  }
}

const fixture = (options = {}) => new MetricsFixture({ metrics: "/metrics", ...options });

/** What a server with a directory and all metrics says after a little of everything. */
async function scrapeRealServer(): Promise<Record<"text" | "openmetrics", ParsedFamily[]>> {
  return await withTempDir(async (dir) => {
    const storage = await openFileStorage({ dir });
    const server = await serve({
      storage,
      port: 0,
      metrics: "/metrics",
      metricsStreams: "**",
      version: "1.2.3",
    });
    try {
      const stream = `${server.url}/a/b`;
      for (const method of ["PUT", "POST"]) {
        const response = await fetch(stream, { method, headers: TEXT, body: "x" });
        await response.body?.cancel();
      }
      const url = new URL("/metrics", server.url);
      const text = await (await fetch(url)).text();
      const openMetrics = await (await fetch(url, { headers: OPEN_METRICS })).text();
      return {
        text: parseExposition(text, "text"),
        openmetrics: parseExposition(openMetrics, "openmetrics"),
      };
    } finally {
      await server.stop();
      await storage.close();
    }
  });
}

/** The names of all series. */
function seriesNames(families: readonly ParsedFamily[]): Set<string> {
  return new Set(families.flatMap(({ series }) => series.map(({ name }) => name)));
}

const scraped = await scrapeRealServer();

Deno.test("a real server renders every metric of the list, in both formats, by their rules", () => {
  const text = scraped.text.map(({ name }) => name);
  // Its streams are in a directory.
  deepEqual(text, METRIC_NAMES.filter((name) => !name.startsWith("durable_streams_cluster_")));
  const { text: plain, openmetrics } = scraped;
  deepEqual(seriesNames(plain), seriesNames(openmetrics));
  for (const { name, type, unit } of openmetrics) {
    const found = METRIC_NAMES.find((each) => each.replace(/_(?:total|info)$/, "") === name);
    ok(found !== undefined, name);
    const family = familyOf(found);
    deepEqual([type, unit], [family.type, family.unit], name);
  }
});

Deno.test("labels are those of the list", () => {
  for (const { name, series } of scraped.text) {
    const labels = METRIC_NAMES.filter((each) => each === name).map((each) =>
      familyOf(each).labels
    );
    for (const each of series) {
      deepEqual([...each.labels.keys()].filter((label) => label !== "le"), labels[0] ?? [], name);
    }
  }
});

Deno.test("METRICS.md has a row for every metric as it is, and no other", async () => {
  const text = await Deno.readTextFile(inRepo("docs", "METRICS.md"));
  const rows = [
    ...text.matchAll(
      /^\| `((?:durable_streams|process)_\w+)` +\| (\w+) +\| (.*?) *\| (.*?) *\|$/gm,
    ),
  ]
    .map(([, name, type, labels = "", help]) => [name, type, labels.replaceAll("`", ""), help]);
  const expected = METRIC_NAMES.map((name) => {
    const { type, labels = [], help } = familyOf(name);
    return [name, type, labels.join(", "), help];
  });
  deepEqual(rows, expected);
});

Deno.test("the dashboard and the alert rules name no metric that isn't there", async () => {
  const known = seriesNames(scraped.text);
  for (const path of ["grafana/durable-streams.json", "prometheus/alerts.yml"]) {
    const text = await Deno.readTextFile(inRepo("deploy", ...path.split("/")));
    const named = [...text.matchAll(/\b(?:durable_streams|process)_\w+/g)].map(([name]) => name);
    ok(named.length > 15, path);
    deepEqual(named.filter((name) => !known.has(name)), [], path);
  }
});

Deno.test("the dashboard asks for each label by a name that the metric has", async () => {
  const labels = new Map(
    scraped.text.flatMap(({ series }) => series.map((each) => [each.name, each.labels])),
  );
  for (const path of ["grafana/durable-streams.json", "prometheus/alerts.yml"]) {
    const text = await Deno.readTextFile(inRepo("deploy", ...path.split("/")));
    for (
      const [, name = "", selector = ""] of text.matchAll(/\b(durable_streams_\w+)\{([^}]*)\}/g)
    ) {
      for (const [, label = ""] of selector.matchAll(/(\w+)=/g)) {
        const isKnown = labels.get(name)?.has(label) === true;
        ok(isKnown || label === "job" || label === "instance", `${path}: ${name}{${label}}`);
      }
    }
  }
});

Deno.test("the dashboard is JSON that Grafana takes, each panel with a place and a query", async () => {
  const text = await Deno.readTextFile(inRepo("deploy", "grafana", "durable-streams.json"));
  const { panels, uid } = JSON.parse(text);
  equal(uid, "durable-streams");
  const ids = new Set<number>();
  for (const { id, gridPos, targets, title } of panels) {
    ids.add(id);
    ok(gridPos.x + gridPos.w <= 24 && targets.length > 0, title);
    for (const { expr } of targets) equal(expr.split("(").length, expr.split(")").length, expr);
  }
  equal(ids.size, panels.length);
});

Deno.test("requests are counted by method and status, errors by code", async () => {
  const served = fixture();
  await served.put("a", TEXT);
  await served.post("a", TEXT, "hello");
  await served.send("GET", "missing");
  await served.send("PROPFIND", "a");
  await served.send("PATCH", "a", { "stream-trim-before": "now" });
  const requests = "durable_streams_http_requests_total";
  equal(await served.value(`${requests}{method="PUT",status="2xx"}`), 1);
  equal(await served.value(`${requests}{method="POST",status="2xx"}`), 1);
  equal(await served.value(`${requests}{method="other",status="4xx"}`), 1);
  equal(await served.value(`${requests}{method="PATCH",status="2xx"}`), 1);
  equal(await served.value(`${requests}{method="GET",status="4xx"}`), 1);
  equal(await served.value('durable_streams_errors_total{code="not_found"}'), 1);
  equal(await served.value('durable_streams_errors_total{code="method_not_allowed"}'), 1);
  equal(await served.value('durable_streams_errors_total{code="internal"}'), 0);
});

Deno.test("how long a request took is told by what it was about, without those that wait", async () => {
  const cases: readonly (readonly [string, string, string | undefined])[] = [
    ["PUT", "b", "write stream"],
    ["POST", "a", "write stream"],
    ["DELETE", "missing", "write stream"],
    ["GET", "a", "read stream"],
    ["HEAD", "a?offset=-1", "read stream"],
    ["GET", "a?offset=-1&live=sse", undefined],
    ["GET", "a?offset=-1&live=long-poll", undefined],
    ["GET", "/v1/stream/__ds/streams", "read control"],
    ["POST", "/v1/stream/__ds/nothing", "write control"],
    ["GET", "/health", "read other"],
    ["GET", "/nowhere", "read other"],
    ["POST", "/nowhere", "write other"],
  ];
  for (const [method, target, expected] of cases) {
    const served = fixture({ health: "/health", listing: true });
    await served.storage.create("a", { contentType: "text/plain", body: new Uint8Array(1) });
    // The first is always timed.
    await (await served.send(method, target, TEXT)).body?.cancel();
    const text = await (await served.get("/metrics")).text();
    const family = parseExposition(text, "text")
      .find(({ name }) => name === "durable_streams_http_request_duration_seconds");
    const counted = (family?.series ?? [])
      .filter(({ name, value }) => name.endsWith("_count") && value > 0)
      .map(({ labels }) => [...labels.values()].join(" "));
    deepEqual(counted, expected === undefined ? [] : [expected], `${method} ${target}`);
  }
});

Deno.test("connections are told of by their listener, one that asks for the metrics too", () => {
  const value = (end: string) => {
    const series = scraped.text.flatMap((family) => family.series)
      .filter(({ name }) => name === `durable_streams_${end}`);
    return series.map(({ labels, value }) => [...labels.values(), value]);
  };
  deepEqual(value("connections"), [["tcp", 1]]);
  deepEqual(value("accepted_connections_total"), [["tcp", 1]]);
  deepEqual(value("refused_connections_total"), [["tcp", 0]]);
  deepEqual(value("timed_out_connections_total").map(([, reason]) => reason), [
    "end",
    "handshake",
    "head",
    "idle",
    "unread",
  ]);
});

Deno.test("a defect is counted as internal", async () => {
  const storage = createMemoryStorage();
  storage.head = () => Promise.reject(new Error("a defect"));
  const app = createApp({ storage, metrics: "/metrics" });
  equal((await app.request("/v1/stream/a", { method: "HEAD" })).status, 500);
  const text = await (await app.request("/metrics")).text();
  match(text, /^durable_streams_errors_total\{code="internal"\} 1$/m);
});

Deno.test("appends are counted once, with what streams have grown by", async () => {
  const served = fixture();
  await served.put("a", TEXT, "12");
  const first = { ...TEXT, ...producer("p", 0, 0) };
  await served.post("a", first, "345");
  await served.post("a", first, "345");
  await served.send("DELETE", "a");
  equal(await served.value("durable_streams_appends_total"), 1);
  equal(await served.value("durable_streams_appended_bytes_total"), 5);
  equal(await served.value("durable_streams_created_streams_total"), 1);
  equal(await served.value("durable_streams_deleted_streams_total"), 1);
});

Deno.test("readers are told apart by kind, as long as they wait", async () => {
  const served = fixture({ maxLiveReaders: 2 });
  await served.put("a", TEXT);
  const sse = await served.send("GET", "a?offset=-1&live=sse");
  const readers = (kind: string) => served.value(`durable_streams_live_readers{kind="${kind}"}`);
  deepEqual([await readers("sse"), await readers("long-poll")], [1, 0]);
  const abort = new AbortController();
  const poll = served.app.request("/v1/stream/a?offset=now&live=long-poll", {
    signal: abort.signal,
  });
  await until(async () => await readers("long-poll") === 1, () => "no long-poll waits");
  equal(await readers("sse"), 1);
  const refused = await served.send("GET", "a?offset=-1&live=sse");
  equal(refused.status, 503);
  equal(await served.value("durable_streams_refused_readers_total"), 1);
  await sse.body?.cancel();
  equal(await readers("sse"), 0);
  await served.post("a", TEXT, "x");
  equal((await poll).status, 200);
  equal(await readers("long-poll"), 0);
});

Deno.test("streams have metrics only where a pattern asks for them, and a thousand at most", async () => {
  const without = fixture();
  await without.put("logs/a", TEXT);
  const text = await (await without.send("GET", "/metrics")).text();
  equal(text.includes("logs/a"), false);

  const served = fixture({ metricsStreams: "logs/*" });
  await served.put("logs/a", TEXT, "12345");
  await served.put("logs/a/b", TEXT, "1");
  await served.put("other", TEXT, "1");
  const tails = async () => {
    const answer = await (await served.send("GET", "/metrics")).text();
    return parseExposition(answer, "text")
      .find(({ name }) => name === "durable_streams_stream_tail_bytes")?.series ?? [];
  };
  deepEqual((await tails()).map(({ labels, value }) => [labels.get("stream"), value]), [
    ["logs/a", 5],
  ]);
  for (let i = 0; i < 1001; i++) await served.storage.create(`logs/${i}`, {});
  equal((await tails()).length, 1000);
});

Deno.test("the metrics are for GET and HEAD, no cache and no page of others", async () => {
  const served = fixture({ cors: "*" });
  const got = await served.send("GET", "/metrics?x");
  equal(got.status, 200);
  equal(got.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  equal(got.headers.get("cache-control"), "no-store");
  match(got.headers.get("vary") ?? "accept", /accept/);
  const open = await served.send("GET", "/metrics", OPEN_METRICS);
  match(open.headers.get("content-type") ?? "", /^application\/openmetrics-text; version=1\.0\.0/);
  const head = await served.send("HEAD", "/metrics");
  deepEqual([head.status, await head.text()], [200, ""]);
  const put = await served.send("PUT", "/metrics");
  deepEqual([put.status, put.headers.get("allow")], [405, "GET, HEAD"]);
  const page = await served.send("GET", "/metrics", { origin: "https://elsewhere.example" });
  equal(page.status, 403);
  equal((await served.send("GET", "/metrics/x")).status, 404);
  equal((await new Fixture().send("GET", "/metrics")).status, 404);
});

Deno.test("a path for the metrics that hides streams or the health, or a bad pattern, is an error", () => {
  const storage = createMemoryStorage();
  const make = (options: object) => () => createApp({ storage, ...options });
  throws(make({ metrics: "metrics" }), /metrics is "metrics": expected a path such as \/metrics/);
  throws(make({ metrics: "/v1/stream/x" }), /would hide streams/);
  throws(make({ metrics: "/health/live", health: "/health" }), /give them paths of their own/);
  throws(make({ metricsStreams: "a*" }), /metricsStreams can't be used/);
});

Deno.test("trims and their bytes are counted, and streams that wait for theirs", async () => {
  const served = fixture();
  await served.make("a", TEXT, "hello");
  await served.make("b", { ...TEXT, "stream-retention": "age=60" }, "hello");
  await served.send("PATCH", "a", { "stream-trim-before": served.offset(3) });
  await served.send("PATCH", "a", { "stream-trim-before": served.offset(3) });
  equal(await served.value("durable_streams_trims_total"), 1);
  equal(await served.value("durable_streams_trimmed_bytes_total"), 3);
  equal(await served.value("durable_streams_retention_waiting_streams"), 1);
  equal(await served.value("durable_streams_retention_lag_seconds"), 0);
});
