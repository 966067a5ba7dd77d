import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { RUNTIME_TARGETS, type RuntimeTarget } from "../runtime/targets.ts";
import { installTestTools } from "../tools/install.ts";
import { type Program, startProgram } from "../tools/program.ts";
import { SmallDisk } from "./small_disk.ts";

/** The real program on a real small file system that is full: a tmpfs of the test's own. */

const DISK_MIB = 24;
const SMALL = ["--wal-bytes", "4MiB", "--segment-bytes", "1MiB", "--long-poll-timeout", "1s"];
const CHUNK_BYTES = 64 * 1024;
/** More than the log can take: by then a full disk has shown. */
const MAX_CHUNKS = 200;
const TIMEOUT_MS = 60_000;
/** Those of the test that runs, to be ended however it ends. */
const started: Program[] = [];

for (const target of RUNTIME_TARGETS) {
  diskTest(
    `${target.name}: on a full disk appends get 507 and readers are served, until there is room again`,
    async (disk) => {
      let server = await start(target, disk);
      const [busy, quiet] = [new Written(server, "busy"), new Written(server, "quiet")];
      for (const stream of [busy, quiet]) await stream.create();
      await quiet.append("before;");
      const events = readEvents(server, "quiet");
      await busy.append(chunk(0));

      disk.fill();
      await busy.appendUntilFull();
      await busy.check();
      const refused = await quiet.post("x".repeat(10_000_000));
      equal(refused.status, 507);
      match(await refused.text(), /"code":"storage_full","message":"The disk is full/);
      const waited = await fetch(`${server.url}/quiet?offset=now&live=long-poll`);
      equal([waited.status, await waited.text()].join(), "204,");
      disk.free();
      await busy.appendUntilTaken();
      await quiet.append("after;");

      disk.fill();
      await busy.appendUntilFull();
      await server.kill();
      equal(await events, "before;after;", "the SSE reader saw each message once");
      server = await start(target, disk);
      for (const stream of [busy, quiet]) await stream.check(server);
      await busy.appendUntilFull();
      await server.stop();
      server = await start(target, disk);
      for (const stream of [busy, quiet]) await stream.check(server);
      disk.free();
      await busy.appendUntilTaken();
      await server.kill();
      server = await start(target, disk);
      for (const stream of [busy, quiet]) await stream.check(server);
      await server.stop();
    },
  );

  diskTest(`${target.name}: on a disk full of streams a DELETE makes room`, async (disk) => {
    let server = await start(target, disk);
    const streams: Written[] = [];
    for (let isFull = false; !isFull;) {
      const stream = new Written(server, `stream-${streams.length}`);
      isFull = !await stream.tryCreate();
      if (isFull) break;
      streams.push(stream);
      isFull = await stream.appendUntilFull(16);
    }
    ok(streams.length >= 6, `${streams.length} streams of 1 MiB fit`);
    disk.fill();
    const [kept = [], gone = []] = [streams.slice(2), streams.slice(0, 2)];
    for (const stream of gone) await stream.delete();
    await kept[0]?.appendUntilTaken();
    for (const stream of kept) await stream.check();
    for (const stream of gone) equal((await stream.head()).status, 404);
    await server.kill();
    server = await start(target, disk);
    for (const stream of kept) await stream.check(server);
    for (const stream of gone) equal((await stream.head(server)).status, 404);
    await server.stop();
  });
}

const [first] = RUNTIME_TARGETS;
if (first !== undefined) {
  diskTest(
    "a start in a new directory on a full disk fails, and says how much room it needs",
    async (disk) => {
      disk.fill();
      await rejects(
        start(first, disk),
        /the disk is full \(.*\)\. Make room: a start needs 2 MiB\./,
      );
    },
  );
}

function diskTest(name: string, run: (disk: SmallDisk) => Promise<void>): void {
  Deno.test(name, async (test) => {
    await installTestTools();
    using disk = SmallDisk.mount(DISK_MIB);
    try {
      if (disk !== undefined) return await run(disk);
    } finally {
      // A disk that is in use stays mounted.
      for (const program of started.splice(0)) await program.kill();
    }
    const skipped = "skipped: needs mount (run as root)";
    if (process.env["CI"] === "true") throw new Error(skipped);
    await test.step({ name: skipped, ignore: true, fn: () => {} });
  });
}

async function start(target: RuntimeTarget, disk: SmallDisk): Promise<Program> {
  const command = [...await target.command(), "--port", "0", "--dir", disk.dir, ...SMALL];
  const program = await startProgram(command);
  started.push(program);
  return program;
}

function chunk(i: number): string {
  return `<${i}>`.padEnd(CHUNK_BYTES, ".");
}

/** A stream of text and what was acknowledged of it. */
class Written {
  readonly #name: string;
  #server: Program;
  #text = "";
  #chunks = 0;

  constructor(server: Program, name: string) {
    this.#server = server;
    this.#name = name;
  }

  async create(): Promise<void> {
    ok(await this.tryCreate(), "it is made");
  }

  /** False where the disk is full. */
  async tryCreate(): Promise<boolean> {
    const headers = { "content-type": "text/plain" };
    const { status } = await this.#send({ method: "PUT", headers });
    if (status !== 507) equal(status, 201);
    return status === 201;
  }

  post(body: string): Promise<Response> {
    return this.#send({ method: "POST", headers: { "content-type": "text/plain" }, body });
  }

  async append(text: string): Promise<void> {
    const { status } = await this.post(text);
    equal(status, 204);
    this.#text += text;
  }

  /** Appends until the disk is full, at most so often; whether it was. */
  async appendUntilFull(most = MAX_CHUNKS): Promise<boolean> {
    for (let i = 0; i < most; i++) if (!await this.#appendChunk()) return true;
    ok(most < MAX_CHUNKS, "the disk is full by now");
    return false;
  }

  /** Tries until there is room again. */
  async appendUntilTaken(): Promise<void> {
    for (const untilMs = Date.now() + TIMEOUT_MS; !await this.#appendChunk(); await sleep(50)) {
      ok(Date.now() < untilMs, "there is room again");
    }
  }

  async delete(): Promise<void> {
    equal((await this.#send({ method: "DELETE" })).status, 204);
  }

  head(server = this.#server): Promise<Response> {
    this.#server = server;
    return this.#send({ method: "HEAD" });
  }

  /** What is stored is what was acknowledged, no less and no more. */
  async check(server = this.#server): Promise<void> {
    this.#server = server;
    let text = "";
    for (let offset = "-1", isOver = false; !isOver;) {
      const answer = await fetch(`${server.url}/${this.#name}?offset=${offset}`);
      equal(answer.status, 200);
      text += await answer.text();
      offset = answer.headers.get("stream-next-offset") ?? "";
      isOver = answer.headers.get("stream-up-to-date") === "true";
    }
    deepEqual([text.length, text === this.#text], [this.#text.length, true]);
  }

  /** False where it was refused for want of room, which no other refusal is taken for. */
  async #appendChunk(): Promise<boolean> {
    const text = chunk(this.#chunks);
    const answer = await this.post(text);
    await answer.body?.cancel();
    if (answer.status === 507) return false;
    equal(answer.status, 204);
    this.#text += text;
    this.#chunks++;
    return true;
  }

  async #send(init: RequestInit): Promise<Response> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    return await fetch(`${this.#server.url}/${this.#name}`, { ...init, signal });
  }
}

/** The data that an SSE reader sees until the server is killed. */
async function readEvents(server: Program, name: string): Promise<string> {
  let text = "";
  try {
    const answer = await fetch(`${server.url}/${name}?offset=-1&live=sse`);
    for await (const bytes of answer.body ?? []) text += new TextDecoder().decode(bytes);
  } catch {
    // The server was killed under it.
  }
  return [...text.matchAll(/^event: ?data\ndata: ?(.*)$/gm)].map(([, data]) => data).join("");
}
