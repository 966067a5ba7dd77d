import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { natsServerPath } from "./find_nats_server.ts";

/** What a server of a cluster of tests is like. */
export interface NatsServerConfig {
  readonly name: string;
  /** A folder of its own, which is there. */
  readonly dir: string;
  readonly host: string;
  readonly port: number;
  readonly monitorPort: number;
  /** Where it and the others listen for one another; undefined where it is alone. */
  readonly cluster?: { readonly port: number; readonly routes: readonly string[] };
  /** `always`, or a duration as nats-server writes them; its default, two minutes, where it is left out. */
  readonly syncInterval?: string | undefined;
  /** More lines of the configuration. */
  readonly extra?: string | undefined;
  /** What stands before the server's command, as `ip netns exec NAME`. */
  readonly launcher?: readonly string[] | undefined;
  /** Where it keeps what it stores; under `dir` where it is left out. */
  readonly storeDir?: string | undefined;
  /** Another executable. */
  readonly program?: string | undefined;
}

/** One process of nats-server, and the next ones on the same ports and files. */
export class NatsServer {
  readonly config: NatsServerConfig;
  readonly #storeDir: string;
  readonly #logPath: string;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #isPaused = false;

  constructor(config: NatsServerConfig) {
    this.config = config;
    this.#storeDir = config.storeDir ?? join(config.dir, "store");
    this.#logPath = join(config.dir, "log");
    writeFileSync(join(config.dir, "conf"), configText(config, this.#storeDir));
  }

  get url(): string {
    return `nats://${this.config.host}:${this.config.port}`;
  }

  get monitorUrl(): string {
    return `http://${this.config.host}:${this.config.monitorPort}`;
  }

  /** Where JetStream has its files. */
  get storeDir(): string {
    return this.#storeDir;
  }

  /** The process, where it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && !this.#isPaused;
  }

  /** What it has logged. */
  log(): string {
    return readFileSync(this.#logPath, "utf8");
  }

  /** Starts it; it answers a little later. */
  start(): void {
    if (this.#child !== undefined) throw new Error(`${this.config.name} runs.`);
    const { launcher = [], program = natsServerPath(), dir } = this.config;
    const [command = program, ...args] = [...launcher, program, "-c", join(dir, "conf")];
    const log = openSync(this.#logPath, "a");
    const child = spawn(command, args, { stdio: ["ignore", log, log] });
    closeSync(log);
    this.#child = child;
    this.#isPaused = false;
    this.#ended = new Promise((resolve) => {
      child.once("exit", () => resolve());
      child.once("error", () => resolve());
    });
  }

  /** Ends it as a crash does. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  /** Ends it as an upgrade does, by SIGTERM. */
  stop(): Promise<void> {
    return this.#end("SIGTERM");
  }

  /** It tells who is connected that it will end soon, takes no more connections, and ends later. */
  announceEnd(): void {
    this.#signal("SIGUSR2");
  }

  /** It does nothing any more, and its connections stay. */
  pause(): void {
    this.#signal("SIGSTOP");
    this.#isPaused = true;
    // The signal may reach it a moment later.
    while (this.pid !== undefined && !isStopped(this.pid));
  }

  resume(): void {
    this.#signal("SIGCONT");
    this.#isPaused = false;
  }

  /** Removes what it has stored; only while it doesn't run. */
  wipe(): void {
    if (this.#child !== undefined) throw new Error(`${this.config.name} runs.`);
    rmSync(this.#storeDir, { recursive: true, force: true });
  }

  /** What its monitoring port answers; undefined where it doesn't. */
  async ask(path: string): Promise<unknown> {
    if (!this.isRunning) return undefined;
    try {
      const signal = AbortSignal.timeout(2_000);
      const response = await fetch(`${this.monitorUrl}${path}`, { signal });
      return await response.json();
    } catch {
      return undefined;
    }
  }

  /** By the process's number: Deno's `kill` of a child sends nothing after its first signal. */
  #signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended by itself.
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    // What is killed ends as it is, and does nothing before.
    if (this.#isPaused && signal !== "SIGKILL") this.resume();
    this.#signal(signal);
    await this.#ended;
    this.#child = undefined;
  }
}

/** Whether a process is stopped, where the system tells. */
function isStopped(pid: number): boolean {
  try {
    return /\) [TZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true;
  }
}

function configText(config: NatsServerConfig, storeDir: string): string {
  const { host, cluster, syncInterval } = config;
  const sync = syncInterval === undefined ? "" : `sync_interval: ${syncInterval}`;
  const routes = cluster?.routes.map((route) => JSON.stringify(route)).join(", ");
  return `
server_name: ${config.name}
listen: "${host}:${config.port}"
http: "${host}:${config.monitorPort}"
jetstream {
  store_dir: ${JSON.stringify(storeDir)}
  max_mem: 64MB
  max_file: 4GB
  ${sync}
}
${
    cluster === undefined
      ? ""
      : `cluster { name: tests, listen: "${host}:${cluster.port}", routes: [${routes}] }`
  }
${config.extra ?? ""}
`;
}
