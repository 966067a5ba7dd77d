import { bun } from "../system/bun.ts";
import { AppendRequest } from "./append_request.ts";
import type { Measurement, WakeCommand } from "./commands.ts";
import { Connection, type Driver } from "./connection.ts";
import { bodyOf, sleep } from "./figures.ts";
import { Histogram } from "./histogram.ts";
import { pathOfStream, requestBytes } from "./requests.ts";
import { sendAll } from "./send_all.ts";
import { timedWindow } from "./timed_window.ts";

const CONTENT_TYPE = "text/plain";
const TICK_MILLIS = 1;
const CREATES_AT_ONCE = 16;
const DRAIN_MILLIS = 2_000;

const nanoseconds = bun()?.nanoseconds ?? (() => performance.now() * 1e6);

/**
 * Appends at a pace to streams that each have a webhook, and counts how long each wake takes from its
 * append's acknowledgement to its arrival, which is answered with `done` at once.
 */
export async function wake(command: WakeCommand): Promise<Measurement> {
  const load = new WakeLoad(command);
  try {
    return await load.run();
  } finally {
    load.close();
  }
}

class WakeLoad implements Driver<Connection> {
  readonly #command: WakeCommand;
  readonly #request: AppendRequest;
  readonly #histogram = new Histogram();
  readonly #connections: Connection[] = [];
  readonly #idle: Connection[] = [];
  /** The stream that each connection's request is about. */
  readonly #streamOf: number[] = [];
  /** When each stream's newest append was acknowledged; 0 once its wake has come. */
  readonly #ackedAtNanos: Float64Array;
  #startNanos = 0;
  #sent = 0;
  #wakes = 0;
  #early = 0;
  #isStopped = false;
  #errors = 0;
  #firstError: string | undefined;

  constructor(command: WakeCommand) {
    this.#command = command;
    const { target, streams, bodyBytes } = command;
    const body = bodyOf(CONTENT_TYPE, bodyBytes);
    this.#request = new AppendRequest({
      target,
      streams,
      contentType: CONTENT_TYPE,
      body,
      connection: 0,
    });
    this.#ackedAtNanos = new Float64Array(streams.count);
  }

  async run(): Promise<Measurement> {
    const { target, connections, pace } = this.#command;
    await this.#subscribe(this.#listen());
    for (let index = 0; index < connections; index++) {
      const connection = await Connection.open(target, index, this);
      this.#connections.push(connection);
      this.#idle.push(connection);
    }
    this.#startNanos = nanoseconds();
    const ticker = setInterval(() => this.#tick(), TICK_MILLIS);
    const result = await timedWindow(this.#command, this.#histogram);
    clearInterval(ticker);
    this.#isStopped = true;
    await this.#drain();
    return {
      ...result,
      errors: this.#errors,
      firstError: this.#firstError,
      askedUnits: pace * result.seconds - 1,
      figures: { "wakes that came before the append's answer": this.#early },
    };
  }

  close(): void {
    this.#isStopped = true;
    for (const connection of this.#connections) connection.close();
  }

  responded(connection: Connection): void {
    const { status } = connection.response;
    if (status !== 204 && status !== 200) this.#note(`append answered ${status}`);
    const stream = this.#streamOf[connection.index] ?? 0;
    const acked = this.#ackedAtNanos[stream];
    if (acked === EARLY) this.#ackedAtNanos[stream] = 0;
    else this.#ackedAtNanos[stream] = nanoseconds();
    this.#idle.push(connection);
  }

  failed(_connection: Connection, reason: string): void {
    this.#note(reason);
  }

  #listen(): number {
    const runtime = bun();
    if (runtime === undefined) throw new Error("the generator runs on Bun");
    const { port } = runtime.serve({
      hostname: "127.0.0.1",
      port: 0,
      idleTimeout: 0,
      fetch: async (request) => {
        await request.arrayBuffer();
        this.#arrived(Number(request.url.slice(request.url.lastIndexOf("/") + 1)));
        return Response.json({ done: true });
      },
    });
    return port;
  }

  #arrived(stream: number): void {
    const acked = this.#ackedAtNanos[stream] ?? 0;
    this.#wakes++;
    if (acked > 0) {
      this.#histogram.record(nanoseconds() - acked);
      this.#ackedAtNanos[stream] = 0;
    } else if (acked === 0) {
      this.#early++;
      this.#histogram.record(0);
      this.#ackedAtNanos[stream] = EARLY;
    }
  }

  async #subscribe(port: number): Promise<void> {
    const { target, streams, subscriptions, root } = this.#command;
    const requests = function* () {
      for (let index = 0; index < streams.count; index++) {
        const body = JSON.stringify({
          type: "webhook",
          streams: [pathOfStream(streams, index).slice(root.length + 1)],
          webhook: { url: `http://127.0.0.1:${port}/${index}` },
        });
        const headers = [["Content-Type", "application/json"]] as const;
        const path = pathOfStream(subscriptions, index);
        yield requestBytes(target, "PUT", path, headers, new TextEncoder().encode(body));
      }
    };
    await sendAll(target, requests(), CREATES_AT_ONCE, streams.count);
  }

  #tick(): void {
    const { pace, streams } = this.#command;
    const due = Math.floor((nanoseconds() - this.#startNanos) * 1e-9 * pace);
    while (this.#sent < due && !this.#isStopped) {
      const connection = this.#idle.pop();
      if (connection === undefined) return;
      const stream = this.#sent++ % streams.count;
      this.#streamOf[connection.index] = stream;
      connection.send(this.#request.to(stream), 0);
    }
  }

  #note(reason: string): void {
    this.#errors++;
    this.#firstError ??= reason;
  }

  /** Waits for the last wakes; what doesn't come is an error. */
  async #drain(): Promise<void> {
    const deadline = performance.now() + DRAIN_MILLIS;
    while (this.#wakes < this.#sent && performance.now() < deadline) await sleep(10);
    // Two appends to one stream may be one wake, where the first was still under way.
    if (this.#wakes < this.#sent * 0.9) {
      this.#note(`of ${this.#sent} appends ${this.#wakes} wakes have come`);
    }
  }
}

/** Stands for an append whose wake came before its answer. */
const EARLY = -1;
