import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { TEXT } from "../../support/fixture.ts";
import type { ManualClock } from "../../support/manual_clock.ts";
import { until } from "../../support/until.ts";
import { parseScrape } from "../../../src/metrics/parse.ts";
import { activityBetween } from "../../../src/cli/commands/output/activity.ts";
import { activityLines } from "../../../src/cli/commands/output/activity_view.ts";
import { CommandKit } from "./command_kit.ts";

const METRICS = { metrics: "/metrics" };

/** Counts how often `top` has begun to wait for its interval. */
function countPauses(clock: ManualClock): () => number {
  const setTimer = clock.setTimer.bind(clock);
  let pauses = 0;
  clock.setTimer = (delayMs, run) => {
    if (delayMs === 1_000) pauses++;
    return setTimer(delayMs, run);
  };
  return () => pauses;
}

/** Runs `top`, moving the clock on whenever it waits for its interval, doing `work` in between. */
async function top(kit: CommandKit, args: string[], work: () => Promise<unknown>, options = {}) {
  const { clock } = kit.fixture;
  const pauses = countPauses(clock);
  const running = kit.run(["top", ...args], { ...options, clock });
  let isOver = false;
  running.then(() => isOver = true, () => isOver = true);
  await until(() => isOver || pauses() > 0, () => "top doesn't wait");
  await work();
  clock.advance(1_000);
  return await running;
}

Deno.test("top --once --json tells what was done in one interval", async () => {
  const kit = new CommandKit(METRICS);
  await kit.fixture.put("a", TEXT, "before");
  const { code, stdout, stderr } = await top(kit, ["--once", "--json"], async () => {
    for (let i = 0; i < 3; i++) await kit.fixture.post("a", TEXT, "12345");
    await kit.fixture.send("GET", "missing");
  });
  deepEqual([code, stderr], [0, ""]);
  const activity = JSON.parse(stdout);
  equal(activity.appendsPerSecond, 3);
  equal(activity.appendedBytesPerSecond, 15);
  equal(activity.errorsPerSecond, 1);
  deepEqual([activity.ready, activity.state, activity.loadedStreams], [true, "ok", 1]);
  ok(activity.memoryBytes > 0);
});

Deno.test("top prints a line each interval where nobody sees it drawn", async () => {
  const kit = new CommandKit(METRICS);
  const { stdout } = await top(kit, ["--once"], () => kit.fixture.put("a", TEXT));
  match(stdout, /^ready {2}appends 0\.0\/s {2}0B\/s {2}sync p50 - p99 - {2}readers 0 .*\n$/);
  equal(stdout.includes("\x1b"), false);
});

Deno.test("top draws over itself on a terminal, and q ends it", async () => {
  const kit = new CommandKit(METRICS);
  let press: (key: string) => void = () => {};
  const { code, stdout } = await top(kit, [], async () => {
    const pauses = countPauses(kit.fixture.clock);
    kit.fixture.clock.advance(1_000);
    await until(() => pauses() > 0, () => "it doesn't go on");
    press("x");
    press("q");
  }, {
    terminals: ["output", "input"],
    onKeys: (given: typeof press) => press = given,
  });
  equal(code, 0);
  const [, second] = stdout.split("\x1b[9A");
  ok(second?.startsWith("\r\x1b[Khttp://localhost:4437  ready  up "), second);
  for (const label of ["appends", "syncs", "readers", "log", "subscriptions", "process"]) {
    ok(stdout.includes(`\x1b[K${label} `), label);
  }
});

Deno.test("top shows how many connections there are, of all listeners, where that is counted", () => {
  const line = (more: string) => {
    const scrape = parseScrape(`durable_streams_live_readers{kind="sse"} 2\n${more}`);
    const activity = activityBetween(undefined, { scrape, atMs: 0 });
    return activityLines("http://localhost", activity, 80).find((each) =>
      each.startsWith("readers")
    );
  };
  const name = "durable_streams_connections";
  equal(line(""), "readers        2 sse  0 long-poll");
  equal(
    line(`${name}{listener="tcp"} 3\n${name}{listener="unix"} 4\n`),
    "readers        2 sse  0 long-poll  7 connections",
  );
});

Deno.test("top waits for a server that goes away, once it was there", async () => {
  const kit = new CommandKit(METRICS);
  const { app, clock } = kit.fixture;
  let requests = 0;
  const fetch = (url: string, init: RequestInit) => {
    if (++requests === 2) return Promise.reject(new TypeError("refused"));
    return app.request(url, init);
  };
  let end: (exitCode: number) => void = () => {};
  const options = { clock, fetch, onListening: (given: typeof end) => end = given };
  const pauses = countPauses(clock);
  const running = kit.run(["top", "--json", "--retry", "0ms"], options);
  for (let look = 1; look <= 3; look++) {
    await until(() => pauses() === look, () => `it doesn't look ${look}`);
    if (look < 3) clock.advance(1_000);
  }
  end(130);
  const { code, stdout } = await running;
  equal(code, 0);
  equal(JSON.parse(stdout).requestsPerSecond, 0.5);
});

Deno.test("top says where there are no metrics, and exits 1", async () => {
  const kit = new CommandKit();
  const { code, stderr } = await kit.run(["top", "--once"]);
  equal(code, 1);
  match(stderr, /localhost:4437\/metrics answers 404 and not the server's metrics/);
});

Deno.test("top says which right a server that asks for tokens wants", async () => {
  const kit = new CommandKit();
  for (const status of [401, 403]) {
    const fetch = () => Promise.resolve(new Response("{}", { status }));
    const { code, stderr } = await kit.run(["top", "--once", "--token", "geheim"], { fetch });
    equal(code, 1);
    match(stderr, /the server refused this \(40[13]\): .* needs a token with admin.*--token-file/);
    doesNotMatch(stderr, /geheim/);
  }
});
