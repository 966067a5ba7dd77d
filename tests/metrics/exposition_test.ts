import { deepEqual, equal, throws } from "node:assert/strict";
import { formatFor, renderSamples } from "../../src/metrics/exposition.ts";
import { familyOf, METRIC_NAMES } from "../../src/metrics/families.ts";
import { Histogram } from "../../src/metrics/histogram.ts";
import { parseScrape, quantileBetween } from "../../src/metrics/parse.ts";
import { mergeSamples, type Sample } from "../../src/metrics/sample.ts";
import { parseExposition } from "./exposition_parser.ts";

const STREAM = "durable_streams_stream_tail_bytes";
const SYNCS = "durable_streams_log_sync_duration_seconds";

Deno.test("names follow Prometheus' conventions", () => {
  for (const name of METRIC_NAMES) {
    const { type, unit, labels = [], help } = familyOf(name);
    equal(/^(?:durable_streams|process)_[a-z_]+$/.test(name), true, name);
    equal(name.endsWith("_total"), type === "counter", name);
    equal(name.endsWith("_info"), type === "info", name);
    const base = name.replace(/_total$/, "");
    equal(/_(?:bytes|seconds)$/.exec(base)?.[0], unit === undefined ? undefined : `_${unit}`, name);
    deepEqual([...labels].sort(), labels, name);
    equal(help.endsWith("."), true, name);
  }
});

Deno.test("a stream's name is escaped, whatever it holds", () => {
  const name = 'a"b\\c\nd}{,=é';
  const samples: Sample[] = [{ name: STREAM, labels: [name], value: 7 }];
  for (const format of ["text", "openmetrics"] as const) {
    const text = renderSamples(samples, format);
    const [family] = parseExposition(text, format);
    equal(family?.series[0]?.labels.get("stream"), name, format);
    equal(parseScrape(text).sum(STREAM, { stream: name }), 7, format);
  }
});

Deno.test("a histogram's buckets are sums up to each bound, the bound included", () => {
  const histogram = new Histogram([1, 2, 4]);
  for (const value of [1, 2, 3, 9]) histogram.observe(value);
  deepEqual(histogram.value, { bounds: [1, 2, 4], counts: [1, 1, 1, 1], sum: 15 });
  const text = renderSamples([{ name: SYNCS, value: histogram.value }], "openmetrics");
  const [family] = parseExposition(text, "openmetrics");
  deepEqual(
    family?.series.map((
      { name, labels, value },
    ) => [name.slice(SYNCS.length), labels.get("le"), value]),
    [
      ["_bucket", "1.0", 1],
      ["_bucket", "2.0", 2],
      ["_bucket", "4.0", 3],
      ["_bucket", "+Inf", 4],
      ["_sum", undefined, 15],
      ["_count", undefined, 4],
    ],
  );
});

Deno.test("threads are summed, and of what is the longest the longest counts", () => {
  const histogram = new Histogram([1]);
  histogram.observe(1);
  const thread = (errors: number, delay: number): Sample[] => [
    { name: "durable_streams_errors_total", labels: ["gone"], value: errors },
    { name: "durable_streams_event_loop_delay_seconds", value: delay },
    { name: SYNCS, value: histogram.value },
  ];
  const [errors, delay, syncs] = mergeSamples([thread(1, 0.5), thread(2, 0.25)]);
  deepEqual([errors?.value, delay?.value], [3, 0.5]);
  deepEqual(syncs?.value, { bounds: [1], counts: [2, 0], sum: 2 });
});

Deno.test("a scrape is in OpenMetrics where that is at least as welcome as text", () => {
  const prometheus =
    "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3";
  equal(formatFor(prometheus), "openmetrics");
  equal(formatFor("application/openmetrics-text"), "openmetrics");
  equal(formatFor("application/openmetrics-text;q=0.1,text/plain"), "text");
  equal(formatFor("application/openmetrics-text;q=0"), "text");
  equal(formatFor("application/openmetrics-text;version=2.0.0"), "text");
  for (const accept of [null, "", "*/*", "text/html,*/*;q=0.1"]) equal(formatFor(accept), "text");
});

Deno.test("a quantile between two scrapes is that of what came between, evenly within a bucket", () => {
  const histogram = new Histogram([1, 2, 4]);
  const scrape = () =>
    parseScrape(renderSamples([{ name: SYNCS, value: histogram.value }], "text"));
  for (let i = 0; i < 100; i++) histogram.observe(0.5);
  const before = scrape();
  equal(quantileBetween(before, scrape(), SYNCS, 0.5), undefined);
  for (let i = 0; i < 10; i++) histogram.observe(3);
  equal(quantileBetween(before, scrape(), SYNCS, 0.5), 3);
  equal(quantileBetween(undefined, scrape(), SYNCS, 0.5), 0.55);
  for (let i = 0; i < 1000; i++) histogram.observe(100);
  equal(quantileBetween(before, scrape(), SYNCS, 0.99), 4, "above the last bound nobody knows");
});

Deno.test("the parser of the tests finds what breaks a rule", () => {
  const head = "# HELP a_total A.\n# TYPE a_total counter\n";
  equal(parseExposition(`${head}a_total 1\n`, "text").length, 1);
  const broken: readonly (readonly [string, RegExp])[] = [
    ["a_total 1\n", /No TYPE/],
    [`${head}${head}`, /twice/],
    [`${head}b_total 1\n`, /Not of/],
    [`${head}a_total 1\na_total 2\n`, /series twice/],
    [`${head}a_total{b="1",a="2"} 1\n`, /not sorted/],
    [`${head}a_total{b="\\x"} 1\n`, /bad escape/],
    [`${head}a_total one\n`, /No series/],
    ["# HELP a A.\n# TYPE a counter\na 1\n", /No _total/],
  ];
  for (const [text, error] of broken) throws(() => parseExposition(text, "text"), error, text);
  throws(() => parseExposition(`${head}a_total 1\n`, "openmetrics"), /EOF/);
});
