import type { NatsConnection } from "@nats-io/transport-node";
import { Backoff } from "../../../env/backoff.ts";
import { type Clock, systemClock } from "../../../env/clock.ts";
import { JetStreamError } from "../jetstream.ts";
import {
  type ClientLibrary,
  CONNECT_MS,
  connectHeard,
  connectOptions,
  loadClientLibrary,
} from "./client_library.ts";
import { type NatsOptions, type NatsServerAddress, parseServerUrl } from "./options.ts";
import { probeServer } from "./probe.ts";
import { isNewEnough, LEAST_VERSION } from "./server_version.ts";

/** Who is told of the connection. */
export interface LinkListener {
  /** There is one; what needs it may begin. */
  onUp(connection: NatsConnection): void;
  /** It is gone, and so is whatever was on its way there; another may have taken its place already. */
  onDown(connection: NatsConnection): void;
  /** A server has refused what was published there to a subject, since who asks may not. */
  onForbidden?(subject: string, reason: string): void;
}

const FIRST_CONNECTION_MS = 10_000;
const LONGEST_WAIT_MS = 4_000;
/** By then all that was on its way has been answered, or never will be. */
const RETIRED_MS = 5_000;
/** One that ends sooner counts as a failure: the next attempt waits. */
const SHORT_CONNECTION_MS = 5_000;

/** A connection to one of the servers, and another whenever that has ended, for ever. */
export class Link {
  readonly library: ClientLibrary;
  readonly #options: NatsOptions;
  readonly #servers: readonly NatsServerAddress[];
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #random: () => number;
  readonly #listeners = new Set<LinkListener>();
  /** What ends each wait before its time. */
  readonly #waits = new Set<() => void>();
  #isStopped = false;
  #connection: NatsConnection | undefined;
  #running: Promise<void> = Promise.resolve();
  /** The server of the newest connection. */
  #last: NatsServerAddress | undefined;
  /** Those whose servers are about to end, and what cancels their end. */
  readonly #retired = new Map<NatsConnection, () => void>();

  private constructor(library: ClientLibrary, options: NatsOptions) {
    this.library = library;
    this.#options = options;
    this.#servers = options.servers.map(parseServerUrl);
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#backoff = new Backoff({ maxDelayMs: LONGEST_WAIT_MS, random: this.#random });
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

  /** A subject that nobody else has. */
  newInbox(): string {
    return this.library.createInbox(this.#options.inboxPrefix);
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
    for (const end of [...this.#waits]) end();
    for (const [connection, cancel] of [...this.#retired]) {
      cancel();
      await connection.close();
    }
    await this.#connection?.close();
    await this.#running;
  }

  async #run(first: NatsConnection): Promise<void> {
    let next: NatsConnection | undefined = first;
    while (!this.#isStopped) {
      next ??= await this.#dialForEver();
      if (next === undefined) return;
      next = await this.#use(next);
    }
    await next?.close();
  }

  /** Uses a connection until it has ended, or its server is about to and there is another: that one. */
  async #use(connection: NatsConnection): Promise<NatsConnection | undefined> {
    const server = connection.getServer();
    const version = connection.info?.version ?? "";
    const sinceMs = this.#clock.nowMs();
    this.#connection = connection;
    this.#options.onEvent?.({ kind: "connected", server, version });
    const ending = this.#statusesOf(connection);
    for (const listener of [...this.#listeners]) listener.onUp(connection);
    const ended = connection.closed().then((error) => {
      this.#ended(connection, server, error instanceof Error ? error.message : undefined);
    });
    let isReplaced = false;
    const successor = ending.then(() => {
      isReplaced = true;
      return this.#dialElsewhere(connection);
    });
    const next = await Promise.race([ended.then(() => undefined), successor]);
    const isShort = Math.abs(this.#clock.nowMs() - sinceMs) < SHORT_CONNECTION_MS;
    if (!isShort) this.#backoff.reset();
    if (next !== undefined) {
      this.#retire(connection);
      return next;
    }
    if (isReplaced) return await successor;
    if (isShort && !this.#isStopped) await this.#wait(this.#backoff.next());
    return undefined;
  }

  #ended(connection: NatsConnection, server: string, reason = "the connection has ended"): void {
    if (this.#connection === connection) this.#connection = undefined;
    this.#retired.get(connection)?.();
    this.#retired.delete(connection);
    for (const listener of [...this.#listeners]) listener.onDown(connection);
    // Whoever closes it needn't be told.
    if (this.#isStopped) return;
    this.#options.onEvent?.({ kind: "disconnected", server, reason });
  }

  /** What is on its way there is waited for; nothing more is sent. */
  #retire(connection: NatsConnection): void {
    if (connection.isClosed()) return;
    const cancel = this.#clock.setTimer(this.#options.timeoutMs ?? RETIRED_MS, () => {
      this.#retired.delete(connection);
      void connection.close();
    });
    this.#retired.set(connection, cancel);
  }

  /**
   * Listens to what a server says beside. One that forbids a subject doesn't answer.
   *
   * @returns what resolves when it is about to end
   */
  #statusesOf(connection: NatsConnection): Promise<void> {
    const { onEvent } = this.#options;
    const statuses = connection.status();
    return new Promise((resolve) => {
      if (connection.info?.ldm === true) resolve();
      void (async () => {
        for await (const status of statuses) {
          if (status.type === "ldm") resolve();
          if (status.type !== "error") continue;
          const { error } = status;
          if (error instanceof this.library.PermissionViolationError) {
            this.#forbidden(error.operation, error.subject, error.message);
          }
          onEvent?.({ kind: "forbidden", reason: error.message });
        }
      })();
    });
  }

  #forbidden(operation: string, subject: string, reason: string): void {
    if (operation !== "publish") return;
    for (const listener of [...this.#listeners]) listener.onForbidden?.(subject, reason);
  }

  /** Another server than that of a connection, as long as that lasts. */
  async #dialElsewhere(connection: NatsConnection): Promise<NatsConnection | undefined> {
    while (!this.#isStopped && !connection.isClosed()) {
      try {
        return await this.#dial(connection.getServer());
      } catch (error) {
        await Promise.race([this.#wait(this.#failed(error)), connection.closed()]);
      }
    }
    return undefined;
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

  /** Tries each server once, in random order, the one it was connected to last at the end, but one. */
  async #dial(except?: string): Promise<NatsConnection> {
    const reasons: string[] = [];
    let isUnsuitable = false;
    const servers = this.#servers.filter(({ address }) => address !== except);
    if (servers.length === 0) reasons.push("there is no other server");
    for (const server of inOrder(servers, this.#last, this.#random)) {
      if (this.#isStopped) break;
      const options = connectOptions(this.library, this.#options, server);
      let isCertificateShown = false;
      try {
        const { version, asksForCertificate } = await probeServer(server, {
          clock: this.#clock,
          limitMs: options.timeout ?? CONNECT_MS,
          tls: this.#options.tls,
        });
        if (isNewEnough(version)) {
          isCertificateShown = asksForCertificate;
          const connection = await connectHeard(this.library, options);
          this.#last = server;
          return connection;
        }
        isUnsuitable = true;
        reasons.push(
          `${server.address} is nats-server ${version}, and has to be ${LEAST_VERSION} or newer`,
        );
      } catch (error) {
        isUnsuitable ||= error instanceof this.library.AuthorizationError;
        const shown = isCertificateShown ? "the client's certificate was shown, then: " : "";
        const reason = error instanceof Error ? error.message : "no connection";
        reasons.push(`${server.address}: ${shown}${reason}`);
      }
    }
    throw new JetStreamError(isUnsuitable ? "unsuitable" : "unavailable", reasons.join("; "));
  }

  #failed(error: unknown): number {
    const retryInMs = Math.round(this.#backoff.next());
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.onEvent?.({ kind: "failed", reason, retryInMs });
    return retryInMs;
  }

  #wait(delayMs: number): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        this.#waits.delete(end);
        resolve();
      };
      const cancel = this.#clock.setTimer(delayMs, end);
      this.#waits.add(end);
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
