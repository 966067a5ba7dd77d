import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../until.ts";
import { NatsServer } from "./nats_server.ts";
import { serverPort } from "./server_port.ts";

/** What a cluster for tests is like. */
export interface NatsClusterOptions {
  /** One server alone, or three that are a cluster. */
  readonly servers: 1 | 3;
  /** `always`, or a duration as nats-server writes them; two minutes where it is left out. */
  readonly syncInterval?: string;
  /** More lines of each server's configuration. */
  readonly extra?: string;
  /** The address that each listens at; loopback where it is left out. */
  readonly hosts?: readonly string[];
  /** What stands before each server's command, as `ip netns exec NAME`. */
  readonly launchers?: readonly (readonly string[])[];
  /** Where each keeps what it stores; a folder of its own where it is left out. */
  readonly storeDirs?: readonly string[];
  /** Another executable. */
  readonly program?: string;
  /** Where its folder is made; the system's folder for temporary files where it is left out. */
  readonly parent?: string;
}

/** Servers on free ports with folders of their own, which ends them all and leaves nothing behind. */
export class NatsCluster {
  readonly servers: readonly NatsServer[];
  readonly #dir: string;

  private constructor(dir: string, servers: readonly NatsServer[]) {
    this.#dir = dir;
    this.servers = servers;
  }

  /** Starts the servers, and waits until they have agreed on who leads. */
  static async start(options: NatsClusterOptions): Promise<NatsCluster> {
    const dir = mkdtempSync(join(options.parent ?? tmpdir(), "durable-streams-nats-"));
    const cluster = new NatsCluster(dir, await serversOf(options, dir));
    try {
      for (const server of cluster.servers) server.start();
      await cluster.ready();
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  get urls(): string[] {
    return this.servers.map(({ url }) => url);
  }

  get monitorUrls(): string[] {
    return this.servers.map(({ monitorUrl }) => monitorUrl);
  }

  /** The server of that index. */
  server(index: number): NatsServer {
    const server = this.servers[index];
    if (server === undefined) throw new Error(`No server ${index}.`);
    return server;
  }

  /** Waits until all that run are well: they have a leader, and each has caught up. */
  async ready(): Promise<void> {
    const running = this.servers.filter(({ isRunning }) => isRunning);
    await until(
      async () =>
        (await Promise.all(running.map((server) => this.#isReady(server)))).every(Boolean),
      () => running.map((server) => server.log()).join("\n"),
    );
  }

  /** The index of the server that leads a log; waits until there is one. */
  async leaderOf(log: string): Promise<number> {
    let found = -1;
    await until(
      async () => {
        const names = await Promise.all(this.servers.map((server) => leaderName(server, log)));
        // One that was away for a while still believes what was so before.
        const name = names.find((name) =>
          this.servers.some(({ config, isRunning }) => isRunning && config.name === name)
        );
        found = this.servers.findIndex(({ config }) => config.name === name);
        return found >= 0;
      },
      () => `No leader of ${log}.`,
    );
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server.kill()));
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #isReady(server: NatsServer): Promise<boolean> {
    const health = await server.ask("/healthz");
    if (!isObject(health) || health["status"] !== "ok") return false;
    if (server.config.cluster === undefined) return true;
    const jetStream = await server.ask("/jsz");
    const meta = isObject(jetStream) ? jetStream["meta_cluster"] : undefined;
    return isObject(meta) && typeof meta["leader"] === "string" && meta["leader"] !== "";
  }
}

async function serversOf(options: NatsClusterOptions, dir: string): Promise<NatsServer[]> {
  const hosts = Array.from(
    { length: options.servers },
    (_, index) => options.hosts?.[index] ?? "127.0.0.1",
  );
  const places = await Promise.all(hosts.map(async (host) => ({
    host,
    port: await serverPort(),
    monitorPort: await serverPort(),
    clusterPort: await serverPort(),
  })));
  const routes = places.map(({ host, clusterPort }) => `nats://${host}:${clusterPort}`);
  return places.map(({ host, port, monitorPort, clusterPort }, index) => {
    const name = `n${index + 1}`;
    mkdirSync(join(dir, name));
    return new NatsServer({
      name,
      dir: join(dir, name),
      host,
      port,
      monitorPort,
      ...(options.servers === 1 ? {} : { cluster: { port: clusterPort, routes } }),
      syncInterval: options.syncInterval,
      extra: options.extra,
      launcher: options.launchers?.[index],
      storeDir: options.storeDirs?.[index],
      program: options.program,
    });
  });
}

async function leaderName(server: NatsServer, log: string): Promise<string | undefined> {
  const answer = await server.ask("/jsz?streams=true");
  const accounts = isObject(answer) ? listOf(answer["account_details"]) : [];
  const streams = accounts.flatMap((account) => listOf(account["stream_detail"]));
  const stream = streams.find(({ name }) => name === log);
  if (stream === undefined) return undefined;
  if (server.config.cluster === undefined) return server.config.name;
  const cluster = stream["cluster"];
  const leader = isObject(cluster) ? cluster["leader"] : undefined;
  return typeof leader === "string" ? leader : undefined;
}

function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
