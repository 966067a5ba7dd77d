import { deepEqual, equal, match, ok } from "node:assert/strict";
import { TEXT } from "../../support/fixture.ts";
import { until } from "../../support/until.ts";
import { CommandKit } from "./command_kit.ts";

const METRICS = { metrics: "/metrics" };

/** Runs `top`, moving the clock on whenever it waits for its interval, doing `work` in between. */
async function top(kit: CommandKit, args: string[], work: () => Promise<unknown>, options = {}) {
  const { clock } = kit.fixture;
  const running = kit.run(["top", ...args], { ...options, clock });
  let isOver = false;
  running.then(() => isOver = true, () => isOver = true);
  const waits = clock.pendingTimers;
  await until(() => isOver || clock.pendingTimers > waits, () => "top doesn't wait");
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
    kit.fixture.clock.advance(1_000);
    await until(() => kit.fixture.clock.pendingTimers > 0, () => "it doesn't go on");
    press("x");
    press("q");
  }, {
    terminals: ["output", "input"],
    onKeys: (given: typeof press) => press = given,
  });
  equal(code, 0);
  const [, second] = stdout.split("\x1b[9A");
  match(second ?? "", /^\r\x1b\[Khttp:\/\/localhost:4437 {2}ready {2}up /);
  for (const label of ["appends", "syncs", "readers", "log", "subscriptions", "process"]) {
    match(stdout, new RegExp(`\\x1b\\[K${label} `), label);
  }
});

Deno.test("top says where there are no metrics, and exits 1", async () => {
  const kit = new CommandKit();
  const { code, stderr } = await kit.run(["top", "--once"]);
  equal(code, 1);
  match(stderr, /localhost:4437\/metrics answers 404 and not the server's metrics/);
});
