import type { Watched } from "../generator/commands.ts";
import type { Target } from "../generator/requests.ts";
import type { Peer, PeerContext, StartedCluster } from "../peers/peer.ts";
import { NatsCluster } from "../../tests/support/nats/nats_cluster.ts";
import type { Cleanup } from "./cleanup.ts";
import { diskStatPath } from "../system/disk.ts";
import { Lines } from "./lines.ts";
import { pinned } from "../system/pinning.ts";
import { processCpuMicros } from "../system/process_figures.ts";

const START_MILLIS = 15_000;
/** A server that has to recover many streams takes longer. */
const RESTART_MILLIS = 180_000;
const CONNECT_STEP_MILLIS = 5;
const READY_STEP_MILLIS = 20;
const IDLE_STEP_MILLIS = 100;
const IDLE_MAX_MILLIS = 1_500;

/** A server under test that listens. */
export interface RunningServer {
  readonly target: Target;
  /** What every stream's path begins with. */
  readonly prefix: string;
  /** Where the account of its use is kept; its process changes with a restart. */
  readonly watched: Watched;
  /** Where its data are; undefined if somebody else started it. */
  readonly directory: string | undefined;
  /**
   * Ends it and starts it again in the same directory.
   *
   * @returns the seconds from its start until it listened
   */
  restart(signal: "SIGKILL" | "SIGTERM"): Promise<number>;
  stop(): Promise<void>;
}

/** What a server is started with. */
export interface ServerStart {
  readonly peer: Peer;
  readonly context: Omit<PeerContext, "port" | "cluster">;
  /** The core it is held to. */
  readonly core: number | undefined;
  readonly cleanup: Cleanup;
  /** Where its directory is made. */
  readonly parent: string | undefined;
}

/** Starts a peer in a fresh directory and waits until it listens. */
export async function startServer(start: ServerStart): Promise<RunningServer> {
  const { url } = start.peer;
  if (url !== undefined) return runningElsewhere(url);
  const server = new StartedServer(start);
  await server.start(START_MILLIS);
  return server;
}

class StartedServer implements RunningServer {
  target: Target;
  prefix = "";
  watched: Watched;
  readonly directory: string;
  readonly #start: ServerStart;
  #children: Deno.ChildProcess[] = [];
  #cluster: NatsCluster | undefined;

  constructor(start: ServerStart) {
    this.#start = start;
    this.directory = start.cleanup.makeDirectory(start.parent);
    this.target = { host: "127.0.0.1", port: 0, protocol: start.peer.protocol };
    this.watched = { pid: undefined, diskStat: diskStatPath(this.directory) };
  }

  async start(limitMillis: number): Promise<void> {
    const { peer } = this.#start;
    const cluster = await this.#startedCluster();
    const places: Address[] = [];
    for (let count = 0; count < (peer.frontEnds ?? 1); count++) {
      places.push(await this.#startOne(limitMillis, cluster));
    }
    const [first, ...others] = places;
    if (first === undefined) throw new Error(`${peer.name} has no process`);
    const [pid, ...otherPids] = this.#children.map((child) => child.pid);
    this.watched = { ...this.watched, pid, otherPids, clusterPids: cluster?.pids ?? [] };
    this.target = { ...this.target, port: first.port, morePorts: others.map(({ port }) => port) };
    this.prefix = first.prefix;
  }

  async #startOne(
    limitMillis: number,
    cluster: StartedCluster | undefined,
  ): Promise<Address> {
    const { peer, context, core, cleanup } = this.#start;
    const port = freePort();
    const [command = "", ...args] = pinned(
      // Several processes that work on one request would wait for each other on one core.
      cluster === undefined ? core : undefined,
      peer.command({ ...context, port, cluster }, this.directory),
    );
    const announces = peer.prefix === undefined;
    const child = new Deno.Command(command, {
      args,
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: announces ? "piped" : "null",
      stderr: "piped",
    }).spawn();
    cleanup.child(child);
    this.#children.push(child);
    const log = new Response(child.stderr).text();
    const timer = setTimeout(() => child.kill("SIGKILL"), limitMillis);
    const place = announces
      ? await announcedAddress(child)
      : await connectedAddress(child, port, peer.prefix ?? "");
    const isReady = place !== undefined && (cluster === undefined || await readyAt(place, child));
    clearTimeout(timer);
    if (isReady) return place;
    await this.stop();
    throw new Error(`${peer.name} did not start: ${(await log).trim().slice(-300)}`);
  }

  /** The cluster that the peer has, if it has one: it stays over restarts. */
  async #startedCluster(): Promise<StartedCluster | undefined> {
    const { peer, context, cleanup } = this.#start;
    if (peer.cluster === undefined) return undefined;
    if (this.#cluster === undefined) {
      const { servers, syncInterval } = peer.cluster;
      const cluster = await NatsCluster.start({
        servers,
        ...(syncInterval === undefined ? {} : { syncInterval }),
        program: context.program,
        parent: this.directory,
      });
      this.#cluster = cluster;
      cleanup.atEnd(() => {
        for (const pid of pidsOf(cluster)) Deno.kill(pid, "SIGKILL");
      });
    }
    const { urls, monitorUrls } = this.#cluster;
    return { urls, monitorUrls, pids: pidsOf(this.#cluster) };
  }

  async restart(signal: "SIGKILL" | "SIGTERM"): Promise<number> {
    await this.#endChildren(signal);
    const begun = performance.now();
    await this.start(RESTART_MILLIS);
    return (performance.now() - begun) / 1000;
  }

  async stop(): Promise<void> {
    const { cleanup } = this.#start;
    // Its data are thrown away, so it isn't given time to shut down.
    await this.#endChildren("SIGKILL");
    await Promise.all(this.#cluster?.servers.map((server) => server.kill()) ?? []);
    cleanup.emptyDirectory(this.directory);
  }

  async #endChildren(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const { cleanup } = this.#start;
    await Promise.all(this.#children.splice(0).map((child) => cleanup.end(child, signal)));
  }
}

function pidsOf({ servers }: NatsCluster): number[] {
  return servers.map(({ pid }) => pid).filter((pid) => pid !== undefined);
}

interface Address {
  readonly port: number;
  readonly prefix: string;
}

async function announcedAddress(child: Deno.ChildProcess): Promise<Address | undefined> {
  const lines = new Lines(child.stdout);
  for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
    const url = /listening on (http:\S+)/.exec(line)?.[1];
    if (url === undefined) continue;
    void lines.drain();
    return addressOf(url);
  }
  return undefined;
}

/** A front end listens before its cluster is there for it. */
async function readyAt({ port }: Address, child: Deno.ChildProcess): Promise<boolean> {
  let ended = false;
  child.status.then(() => ended = true);
  while (!ended) {
    const response = await fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok) return true;
    await sleep(READY_STEP_MILLIS);
  }
  return false;
}

async function connectedAddress(
  child: Deno.ChildProcess,
  port: number,
  prefix: string,
): Promise<Address | undefined> {
  let ended = false;
  child.status.then(() => ended = true);
  while (!ended) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return { port, prefix };
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      await sleep(CONNECT_STEP_MILLIS);
    }
  }
  return undefined;
}

function addressOf(url: string): Address & { readonly host: string } {
  const { hostname, port, pathname } = new URL(url);
  return { host: hostname, port: Number(port || 80), prefix: pathname.replace(/\/$/, "") };
}

function runningElsewhere(url: string): RunningServer {
  const { host, port, prefix } = addressOf(url);
  return {
    target: { host, port, protocol: "http" },
    prefix,
    watched: { pid: undefined, diskStat: undefined },
    directory: undefined,
    restart: () => Promise.reject(new Error("it was started by somebody else")),
    stop: () => Promise.resolve(),
  };
}

/** A port that is free now; whoever takes it in between makes the server's start fail, and be reported. */
function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

function sleep(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}

/**
 * Waits until a server does nothing any more: what it put off (a checkpoint, garbage) belongs to its
 * own turn and must not fall into the next server's.
 *
 * @returns CPU it used meanwhile, in microseconds.
 */
export async function waitUntilIdle(pid: number | undefined): Promise<number | undefined> {
  if (pid === undefined) return undefined;
  const start = processCpuMicros(pid);
  if (start === undefined) return undefined;
  let last = start;
  for (let waited = 0; waited < IDLE_MAX_MILLIS; waited += IDLE_STEP_MILLIS) {
    await sleep(IDLE_STEP_MILLIS);
    const now = processCpuMicros(pid) ?? last;
    const quiet = now - last <= IDLE_STEP_MILLIS * 1000 * 0.1;
    last = now;
    if (quiet) break;
  }
  return last - start;
}
