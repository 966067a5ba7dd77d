import type { NatsConnection } from "@nats-io/transport-node";
import { Backoff } from "../../../env/backoff.ts";
import { type Clock, systemClock } from "../../../env/clock.ts";
import { JetStreamError } from "../jetstream.ts";
import { type ClientLibrary, connectOptions, loadClientLibrary } from "./client_library.ts";
import { type NatsOptions, type NatsServerAddress, parseServerUrl } from "./options.ts";
import { isNewEnough, LEAST_VERSION } from "./server_version.ts";

/** Who is told of the connection. */
export interface LinkListener {
  /** There is one; what needs it may begin. */
  onUp(connection: NatsConnection): void;
  /** It is gone, and so is whatever was on its way. */
  onDown(): void;
}

const FIRST_CONNECTION_MS = 10_000;
const LONGEST_WAIT_MS = 4_000;

/** A connection to one of the servers, and another whenever that has ended, for ever. */
export class Link {
  readonly library: ClientLibrary;
  readonly #options: NatsOptions;
  readonly #servers: readonly NatsServerAddress[];
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #random: () => number;
  readonly #listeners = new Set<LinkListener>();
  readonly #stopped: Promise<void>;
  #stop: () => void = () => {};
  #isStopped = false;
  #connection: NatsConnection | undefined;
  #running: Promise<void> = Promise.resolve();
  /** The server of the newest connection. */
  #last: NatsServerAddress | undefined;

  private constructor(library: ClientLibrary, options: NatsOptions) {
    this.library = library;
    this.#options = options;
    this.#servers = options.servers.map(parseServerUrl);
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#backoff = new Backoff({ maxDelayMs: LONGEST_WAIT_MS, random: this.#random });
    this.#stopped = new Promise((resolve) => {
      this.#stop = resolve;
    });
  }

  /**
   * Connects, and stays connected.
   *
   * @throws {JetStreamError} `unavailable` where no server could be reached in time, `unsuitable` where one
   * is too old or refuses who asks
   * @throws {RangeError} where an option is wrong
   */
  static async open(options: NatsOptions): Promise<Link> {
    const link = new Link(await loadClientLibrary(), options);
    const limitMs = options.firstConnectionMs ?? FIRST_CONNECTION_MS;
    const endMs = link.#clock.nowMs() + limitMs;
    for (;;) {
      try {
        const connection = await link.#dial();
        link.#running = link.#run(connection);
        return link;
      } catch (error) {
        const isFinal = !(error instanceof JetStreamError) || error.code === "unsuitable";
        if (isFinal || link.#clock.nowMs() >= endMs) throw error;
        await link.#wait(link.#failed(error));
      }
    }
  }

  /** The connection, while there is one. */
  get connection(): NatsConnection | undefined {
    return this.#connection;
  }

  /** Tells of the connection from now on, and at once where there is one. */
  listen(listener: LinkListener): () => void {
    this.#listeners.add(listener);
    if (this.#connection !== undefined) listener.onUp(this.#connection);
    return () => this.#listeners.delete(listener);
  }

  /** Ends the connection for one to another server, which is tried last. */
  switchServer(): void {
    if (this.#servers.length > 1) void this.#connection?.close();
  }

  /** Ends the connection, and makes no other. */
  async close(): Promise<void> {
    this.#isStopped = true;
    this.#stop();
    await this.#connection?.close();
    await this.#running;
  }

  async #run(first: NatsConnection): Promise<void> {
    let next: NatsConnection | undefined = first;
    while (!this.#isStopped) {
      next ??= await this.#dialForEver();
      if (next === undefined) return;
      await this.#use(next);
      next = undefined;
    }
  }

  async #use(connection: NatsConnection): Promise<void> {
    const server = connection.getServer();
    const version = connection.info?.version ?? "";
    this.#backoff.reset();
    this.#connection = connection;
    this.#options.onEvent?.({ kind: "connected", server, version });
    this.#reportErrors(connection);
    for (const listener of [...this.#listeners]) listener.onUp(connection);
    const error = await connection.closed();
    this.#connection = undefined;
    for (const listener of [...this.#listeners]) listener.onDown();
    const reason = error instanceof Error ? error.message : "the connection has ended";
    this.#options.onEvent?.({ kind: "disconnected", server, reason });
  }

  /** A server that forbids a subject doesn't answer; it says so beside. */
  #reportErrors(connection: NatsConnection): void {
    const { onEvent } = this.#options;
    void (async () => {
      for await (const status of connection.status()) {
        if (status.type === "error") onEvent?.({ kind: "forbidden", reason: status.error.message });
      }
    })();
  }

  async #dialForEver(): Promise<NatsConnection | undefined> {
    while (!this.#isStopped) {
      try {
        const connection = await this.#dial();
        if (!this.#isStopped) return connection;
        await connection.close();
      } catch (error) {
        await this.#wait(this.#failed(error));
      }
    }
    return undefined;
  }

  /** Tries each server once, in random order, but the one it was connected to last. */
  async #dial(): Promise<NatsConnection> {
    const reasons: string[] = [];
    let isUnsuitable = false;
    for (const server of inOrder(this.#servers, this.#last, this.#random)) {
      if (this.#isStopped) break;
      const options = connectOptions(this.library, this.#options, server);
      try {
        const connection = await this.library.connect(options);
        const version = connection.info?.version ?? "";
        if (isNewEnough(version)) {
          this.#last = server;
          return connection;
        }
        await connection.close();
        isUnsuitable = true;
        reasons.push(
          `${server.address} is nats-server ${version}, and has to be ${LEAST_VERSION} or newer`,
        );
      } catch (error) {
        isUnsuitable ||= error instanceof this.library.AuthorizationError;
        const reason = error instanceof Error ? error.message : "no connection";
        reasons.push(`${server.address}: ${reason}`);
      }
    }
    throw new JetStreamError(isUnsuitable ? "unsuitable" : "unavailable", reasons.join("; "));
  }

  #failed(error: unknown): number {
    const retryInMs = this.#backoff.next();
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.onEvent?.({ kind: "failed", reason, retryInMs });
    return retryInMs;
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.setTimer(delayMs, resolve);
      void this.#stopped.then(() => {
        cancel();
        resolve();
      });
    });
  }
}

/** By chance, but for the one that comes last. */
function inOrder<T>(items: readonly T[], last: T | undefined, random: () => number): T[] {
  return items
    .map((item) => ({ item, key: item === last ? 1 : random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
