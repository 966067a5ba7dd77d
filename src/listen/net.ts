import { createServer, type Server, type Socket } from "node:net";
import process from "node:process";
import { getLogger } from "@logtape/logtape";
import { systemClock } from "../env/clock.ts";
import { hasFreeDescriptor } from "../env/free_descriptor.ts";
import { HttpConnections } from "../http/connections.ts";
import type { Listener, ListenOptions } from "./listener.ts";
import { NetSocket } from "./net_socket.ts";

const log = getLogger(["durable-streams", "http"]);

const BACKLOG = 511;
const CHECK_EVERY_MS = 1_000;
const WARN_EVERY_MS = 10_000;

/** Listens with `node:net` and speaks HTTP itself. */
export async function listenOnNet(options: ListenOptions): Promise<Listener> {
  const listener = new NetListener(options);
  await listener.start();
  return listener;
}

class NetListener implements Listener {
  readonly #options: ListenOptions;
  readonly #connections: HttpConnections;
  #port: number;
  #server: Server | undefined;
  #isStopping = false;
  /** On Deno `node:net` silently accepts nobody any more once that has failed for want of a descriptor. */
  readonly #mayStall = process.versions["deno"] !== undefined;
  #mayHaveStalled = false;
  #cancelCheck: (() => void) | undefined;
  #warnedAtMs = -Infinity;

  constructor(options: ListenOptions) {
    const { handler, longestSilenceMs, maxConnections } = options;
    this.#options = options;
    this.#port = options.port;
    this.#connections = new HttpConnections({
      handler,
      longestSilenceMs,
      maxConnections,
      clock: systemClock,
    });
  }

  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    await this.#listen();
    if (this.#mayStall) this.#scheduleCheck();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#cancelCheck?.();
    this.#server?.close();
    await this.#connections.stop();
  }

  async #listen(): Promise<void> {
    const server = createServer(
      { allowHalfOpen: true, noDelay: true },
      (socket) => this.#accept(socket),
    );
    this.#port = await startListening(server, { ...this.#options, port: this.#port });
    server.on("error", (error) => this.#warn(error.message));
    if (this.#isStopping) server.close();
    else this.#server = server;
  }

  #accept(socket: Socket): void {
    // It has got the last one: ended, it leaves that to whoever is next.
    if (this.#mayStall && !hasFreeDescriptor()) {
      this.#mayHaveStalled = true;
      socket.resetAndDestroy();
      return;
    }
    const connection = this.#connections.open(new NetSocket(socket));
    // Text comes only of a socket that was told an encoding.
    socket.on("data", (bytes) => typeof bytes !== "string" && connection.received(bytes));
    socket.on("drain", () => connection.drained());
    // A client that sends nothing more is treated as disconnected.
    socket.on("end", () => socket.destroy());
    socket.on("close", () => this.#connections.close(connection));
    // Its close follows.
    socket.on("error", () => {});
    this.#connections.admit(connection);
  }

  #scheduleCheck(): void {
    this.#cancelCheck = systemClock.setTimer(CHECK_EVERY_MS, () => {
      void this.#checkStalled().finally(() => {
        if (!this.#isStopping) this.#scheduleCheck();
      });
    });
  }

  async #checkStalled(): Promise<void> {
    const hasSpare = hasFreeDescriptor();
    if (!hasSpare) this.#mayHaveStalled = true;
    if (!this.#mayHaveStalled || !hasSpare) return;
    this.#warn("there were no descriptors left");
    this.#server?.close();
    this.#server = undefined;
    try {
      await this.#listen();
      this.#mayHaveStalled = false;
    } catch (error) {
      this.#warn(error instanceof Error ? error.message : String(error));
    }
  }

  #warn(error: string): void {
    const nowMs = systemClock.nowMs();
    if (nowMs - this.#warnedAtMs < WARN_EVERY_MS) return;
    this.#warnedAtMs = nowMs;
    log.error("taking connections failed, listening again; is the open-file limit too low?", {
      error,
    });
  }
}

function startListening(server: Server, { host, port, isShared }: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, reusePort: isShared, exclusive: true, backlog: BACKLOG }, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}
