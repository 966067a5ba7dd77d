import { deepEqual, equal, ok } from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { RUNTIME_TARGETS, WORKER_TARGETS } from "../runtime/targets.ts";
import { until } from "../support/until.ts";
import { installTestTools } from "../tools/install.ts";
import { attempt, KilledServer } from "./killed_server.ts";
import { ShortSubscriptions } from "./short_subscriptions.ts";
import { PullWorker, WebhookWorker } from "./wake_workers.ts";
import { PlainWriter } from "./writers.ts";

/**
 * A real server with subscriptions under load, killed and started again: those that were acknowledged are
 * there, no cursor goes back, no generation either, an older worker is refused, and all that was appended
 * is delivered. TESTS_SUBSCRIPTION_KILLS says how often (6).
 */

const KILLS = Number(process.env["TESTS_SUBSCRIPTION_KILLS"] ?? 6);
const TARGETS = ["deno", "bun", "bun-workers"];
const STREAMS = ["tasks/a", "tasks/b", "tasks/c"];
const JSON_HEADERS = { "content-type": "application/json" };
/** Between two appends to a stream: workers have to keep up on a busy machine. */
const PAUSE_MS = 5;
/** Small, so that checkpoints and used log files come within a round. */
const SMALL = ["--wal-bytes", "1MiB", "--segment-bytes", "64KiB"];

for (const { name, command } of [...RUNTIME_TARGETS, ...WORKER_TARGETS]) {
  if (!TARGETS.includes(name)) continue;
  Deno.test(`${name}: ${KILLS} kills lose no wake, no ack and no subscription`, async () => {
    await installTestTools();
    const dir = mkdtempSync(join(tmpdir(), "durable-streams-kill-"));
    try {
      await killOverAndOver([...await command(), "--port", "0", "--dir", dir, ...SMALL]);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
}

async function killOverAndOver(command: string[]): Promise<void> {
  const server = new KilledServer(command);
  const webhook = new WebhookWorker("hook", server);
  const pull = new PullWorker("pull");
  const short = new ShortSubscriptions();
  const writers = STREAMS.map((stream) => new PlainWriter(stream, PAUSE_MS));
  const receiver = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => webhook.handle(request),
  );
  let areWritersOver = false;
  let isOver = false;
  try {
    await server.start();
    await createAll(server, `http://127.0.0.1:${receiver.addr.port}/wake`);
    const writing = [
      ...writers.map((writer) => writer.run(server, writer.name, () => areWritersOver)),
      short.run(server, () => areWritersOver),
    ];
    const pulling = pull.run(server, () => isOver);
    const check = (isSo: boolean) => {
      webhook.check();
      return isSo;
    };
    for (let kill = 0; kill < KILLS; kill++) {
      const before = { wakes: webhook.wakes, claims: pull.claims };
      // The moment of the kill is the test's point: any will do, and no outcome hangs on it.
      await sleep(50 + Math.random() * 400);
      await until(
        () => check(webhook.wakes > before.wakes && pull.claims > before.claims),
        () => `wakes come after kill ${kill}: ${webhook.wakes} and ${pull.claims}`,
      );
      await server.kill();
      await server.start();
    }
    areWritersOver = true;
    await Promise.all(writing);
    for (const { name, progress } of [{ name: "hook", ...webhook }, { name: "pull", ...pull }]) {
      await until(
        async () => check(await isCaughtUp(server, name)),
        () => `all of ${name} is processed`,
      );
      const sent = writers.flatMap((writer) =>
        [...writer.acknowledged].map((n) => `${writer.name} ${n}`)
      );
      deepEqual(sent.filter((message) => !progress.seen.has(message)), [], `${name}: all is seen`);
    }
    await short.check(server);
    isOver = true;
    await pulling;
    await webhook.end();
    await server.stop();
  } finally {
    areWritersOver = isOver = true;
    await server.kill();
    await receiver.shutdown();
  }
}

async function createAll(server: KilledServer, url: string): Promise<void> {
  for (const stream of [...STREAMS, "wakes"]) {
    equal((await attempt(server, stream, { method: "PUT", headers: JSON_HEADERS }))?.status, 201);
  }
  const pattern = "tasks/*";
  const hook = { type: "webhook", pattern, webhook: { url }, lease_ttl_ms: 30_000 };
  await subscribe(server, "hook", hook);
  const pull = { type: "pull-wake", pattern, wake_stream: "wakes", lease_ttl_ms: 2000 };
  await subscribe(server, "pull", pull);
}

async function subscribe(server: KilledServer, name: string, spec: unknown): Promise<void> {
  const init = { method: "PUT", headers: JSON_HEADERS, body: JSON.stringify(spec) };
  const answer = await attempt(server, `__ds/subscriptions/${name}`, init);
  ok(answer?.status === 201, new TextDecoder().decode(answer?.body));
}

/** Whether all of its streams are processed up to their tails. */
async function isCaughtUp(server: KilledServer, name: string): Promise<boolean> {
  const answer = await attempt(server, `__ds/subscriptions/${name}`, {});
  if (answer === undefined) return false;
  const { streams } = JSON.parse(new TextDecoder().decode(answer.body));
  for (const stream of STREAMS) {
    const tail = (await attempt(server, stream, { method: "HEAD" }))?.headers
      .get("stream-next-offset");
    const link = streams.find(({ path }: { path: string }) => path === stream);
    if (tail === undefined || link?.acked_offset !== tail) return false;
  }
  return true;
}
