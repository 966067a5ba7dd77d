import { equal } from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { RUNTIME_TARGETS, WORKER_TARGETS } from "../runtime/targets.ts";
import { GuardedClient, makeGuard } from "../support/guard.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";
import { installTestTools } from "../tools/install.ts";
import { Lifecycles } from "./lifecycles.ts";
import { KilledServer } from "./killed_server.ts";
import { LoadedStream } from "./loaded_stream.ts";
import { Stranger, strangersPort } from "./stranger.ts";

/**
 * A real server under load, killed and started again: what it acknowledged is there, once and in order,
 * nothing is there that was never sent, and readers that resume see each message once.
 *
 * TESTS_KILLS says how often; 100 on Deno and as the executable, 30 on Bun, which that is made
 * of, and with several threads; few with tokens and TLS, which the storage knows nothing of.
 */

const KILLS = process.env["TESTS_KILLS"];
const LONG_ON = ["deno", "executable"];
const GUARDED_KILLS: Readonly<Record<string, number>> = { deno: 4, bun: 8 };
const STREAMS = ["orders/eu", "orders/us", "log"];
/** Small enough that checkpoints, used log files and several segments come within a round. */
const SMALL = ["--wal-bytes", "1MiB", "--segment-bytes", "64KiB"];

for (const { name, command } of [...RUNTIME_TARGETS, ...WORKER_TARGETS]) {
  const kills = Number(KILLS ?? (LONG_ON.includes(name) ? 100 : 30));
  Deno.test(`${name}: ${kills} kills under load lose nothing and double nothing`, async () => {
    await installTestTools();
    const dir = mkdtempSync(join(tmpdir(), "durable-streams-kill-"));
    try {
      const flags = ["--port", "0", "--dir", dir, ...SMALL];
      await killOverAndOver(new KilledServer([...await command(), ...flags]), kills);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
}

for (const { name, command } of RUNTIME_TARGETS) {
  const usual = GUARDED_KILLS[name];
  if (usual === undefined) continue;
  const kills = Number(KILLS ?? usual);
  Deno.test(`${name}: with tokens and TLS ${kills} kills lose nothing, and never let a stranger in`, async () => {
    await installTestTools();
    await withTempDir(async (dir) => {
      const program = await command();
      const guard = await makeGuard(program, dir);
      using client = new GuardedClient({ token: guard.token });
      const port = await strangersPort();
      const flags = ["--port", `${port}`, "--dir", join(dir, "data"), ...SMALL, ...guard.flags];
      await using stranger = new Stranger(port, STREAMS);
      const server = new KilledServer([...program, ...flags], client.fetch);
      await killOverAndOver(server, kills, () => stranger.wasRefusedAnew());
      equal(stranger.others.join(), "", "all that a stranger was answered is 401");
      console.log(`a stranger was refused ${stranger.refused} times`);
    });
  });
}

/** @param checkStart called after each kill and start */
async function killOverAndOver(
  server: KilledServer,
  kills: number,
  checkStart: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  await server.start();
  let over = false;
  const isOver = () => over;
  const streams = STREAMS.map((name) => new LoadedStream(name));
  const lifecycles = [new Lifecycles("short/a"), new Lifecycles("short/b")];
  try {
    for (const stream of streams) await stream.create(server);
    const writing = [
      ...streams.flatMap((stream) => stream.write(server, isOver)),
      ...lifecycles.map((lifecycle) => lifecycle.run(server, isOver)),
    ];
    const reading = streams.flatMap((stream) => stream.read(server));
    for (let kill = 0; kill < kills; kill++) {
      // The moment of the kill is the test's point: any will do, and no outcome hangs on it.
      await sleep(50 + Math.random() * 400);
      await until(() => lifecycles.every(({ known }) => known > kill), () => "streams are made");
      await server.kill();
      await server.start();
      await checkStart();
    }
    await until(() => lifecycles.every(({ known }) => known > kills), () => "streams are made");
    await until(() => streams.every((stream) => stream.hasWritten), () => "all have written");
    over = true;
    await Promise.all(writing);
    for (const stream of streams) await stream.close(server);
    await Promise.all(reading);
    for (const stream of streams) stream.check(await stream.stored(server));
    for (const lifecycle of lifecycles) {
      await lifecycle.check(server);
    }
    await server.stop();
  } finally {
    over = true;
    await server.kill();
  }
}
