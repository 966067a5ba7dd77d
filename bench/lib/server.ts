import type { Target } from "../generator/requests.ts";
import type { Peer, PeerContext } from "../peers/peer.ts";
import type { Cleanup } from "./cleanup.ts";
import { processCpuMicros } from "./cpu.ts";
import { Lines } from "./lines.ts";
import { pinned } from "./pinning.ts";

const START_MILLIS = 15_000;
const SETTLE_STEP_MILLIS = 100;
const SETTLE_MAX_MILLIS = 1_500;

/** A server under test that listens. */
export interface RunningServer {
  readonly target: Target;
  /** What every stream's path begins with. */
  readonly prefix: string;
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

/** Starts a peer in a fresh directory and waits for its `listening on` line. */
export async function startServer(
  peer: Peer,
  context: PeerContext,
  core: number | undefined,
  cleanup: Cleanup,
  parent: string | undefined,
): Promise<RunningServer> {
  if (peer.url !== undefined) return external(peer.url);
  const directory = cleanup.makeDirectory(parent);
  const [command = "", ...args] = pinned(core, peer.command(context, directory));
  const child = new Deno.Command(command, {
    args,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  cleanup.child(child);
  const log = new Response(child.stderr).text();
  const stop = async () => {
    await cleanup.end(child);
    cleanup.removeDirectory(directory);
  };
  const timer = setTimeout(() => child.kill("SIGKILL"), START_MILLIS);
  const lines = new Lines(child.stdout);
  const url = await listeningUrl(lines);
  clearTimeout(timer);
  if (url === undefined) {
    await stop();
    throw new Error(`${peer.name} did not start: ${(await log).trim().slice(-300)}`);
  }
  void lines.drain();
  return { ...external(url), pid: child.pid, stop };
}

async function listeningUrl(lines: Lines): Promise<string | undefined> {
  for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
    const url = /listening on (http:\S+)/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  return undefined;
}

function external(url: string): RunningServer {
  const { hostname, port, pathname } = new URL(url);
  return {
    target: { host: hostname, port: Number(port || 80) },
    prefix: pathname.replace(/\/$/, ""),
    pid: undefined,
    stop: () => Promise.resolve(),
  };
}

/**
 * Waits until a server does nothing any more: what it put off (a checkpoint, garbage) belongs to its
 * own turn and must not fall into the next server's.
 *
 * @returns CPU it used meanwhile, in microseconds.
 */
export async function settle(pid: number | undefined): Promise<number | undefined> {
  if (pid === undefined) return undefined;
  const start = processCpuMicros(pid);
  if (start === undefined) return undefined;
  let last = start;
  for (let waited = 0; waited < SETTLE_MAX_MILLIS; waited += SETTLE_STEP_MILLIS) {
    await new Promise((resolve) => setTimeout(resolve, SETTLE_STEP_MILLIS));
    const now = processCpuMicros(pid) ?? last;
    const quiet = now - last <= SETTLE_STEP_MILLIS * 1000 * 0.1;
    last = now;
    if (quiet) break;
  }
  return last - start;
}
