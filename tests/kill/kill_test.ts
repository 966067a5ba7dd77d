import { deepEqual, equal, ok } from "node:assert/strict";
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
import { LongPollReader, type ResumingReader, SseReader } from "./readers.ts";
import { attempt, KilledServer } from "./killed_server.ts";
import { Stranger, strangersPort } from "./stranger.ts";
import { type Message, PlainWriter, Producer } from "./writers.ts";

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

/** One stream with its writers, producers and readers. */
class LoadedStream {
  readonly #name: string;
  readonly #writers: PlainWriter[];
  readonly #producers: Producer[];
  readonly #readers: ResumingReader[] = [new LongPollReader(), new SseReader()];

  constructor(name: string) {
    this.#name = name;
    this.#writers = [0, 1, 2].map((i) => new PlainWriter(`${name} writer ${i}`));
    this.#producers = [0, 1].map((i) => new Producer(`${name} producer ${i}`));
  }

  /** Whether each of its writers has had something acknowledged. */
  get hasWritten(): boolean {
    return this.#writers.every(({ acknowledged }) => acknowledged.size > 0) &&
      this.#producers.every(({ acknowledged }) => acknowledged > 0);
  }

  async create(server: KilledServer): Promise<void> {
    const headers = { "content-type": "application/json" };
    equal((await attempt(server, this.#name, { method: "PUT", headers }))?.status, 201);
  }

  write(server: KilledServer, isOver: () => boolean): Promise<void>[] {
    return [...this.#writers, ...this.#producers].map((writer) =>
      writer.run(server, this.#name, isOver)
    );
  }

  read(server: KilledServer): Promise<void>[] {
    return this.#readers.map((reader) => reader.run(server, this.#name));
  }

  async close(server: KilledServer): Promise<void> {
    const init = { method: "POST", headers: { "stream-closed": "true" } };
    // A kept connection may end as it is used again; closing again is as closing once.
    const answer = await attempt(server, this.#name, init) ??
      await attempt(server, this.#name, init);
    equal(answer?.status, 204);
  }

  /** All of it, chunk by chunk. */
  async stored(server: KilledServer): Promise<Message[]> {
    const messages: Message[] = [];
    for (let offset = "-1";;) {
      const answer = await attempt(server, `${this.#name}?offset=${offset}`, {});
      ok(answer !== undefined && answer.status === 200);
      messages.push(...JSON.parse(new TextDecoder().decode(answer.body)));
      offset = answer.headers.get("stream-next-offset") ?? "";
      if (answer.headers.get("stream-up-to-date") === "true") return messages;
    }
  }

  check(stored: readonly Message[]): void {
    for (const { name, acknowledged, sent } of this.#writers) {
      const numbers = stored.filter(({ writer }) => writer === name).map(({ n }) => n);
      ok(numbers.every((n, i) => i === 0 || n > (numbers[i - 1] ?? n)), `${name}: once, in order`);
      ok(numbers.every((n) => n < sent), `${name}: nothing that was never sent`);
      const there = new Set(numbers);
      const lost = [...acknowledged].filter((n) => !there.has(n));
      deepEqual(lost, [], `${name}: everything that was acknowledged`);
    }
    for (const { name, acknowledged, sent } of this.#producers) {
      const numbers = stored.filter(({ writer }) => writer === name).map(({ n }) => n);
      deepEqual(numbers, numbers.map((_, i) => i), `${name}: exactly once, in order`);
      ok(
        numbers.length >= 2 * acknowledged && numbers.length <= 2 * sent,
        `${name}: whole batches`,
      );
    }
    for (const reader of this.#readers) {
      deepEqual(reader.seen, stored, `${reader.constructor.name} of ${this.#name} saw each once`);
    }
  }
}
