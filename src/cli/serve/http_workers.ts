import process from "node:process";
import { Worker } from "node:worker_threads";
import { getLogger } from "@logtape/logtape";
import { openAuthority, type OpenedAuthority } from "../../access/open_authority.ts";
import { workerUrl } from "../../env/worker_url.ts";
import { mergeSamples, type Sample } from "../../metrics/sample.ts";
import { StorageHost } from "../../storage/remote/storage_host.ts";
import type { Storage } from "../../storage/storage.ts";
import type { Tracer } from "../../tracing/tracer.ts";
import { type Control, createControl } from "../../server/app.ts";
import type { ForwardedRequest } from "../../server/common/forwarded_request.ts";
import { type Prepared, prepareTogether } from "../config/reload.ts";
import type { AppSettings } from "./app_settings.ts";
import { type HttpServer, settingsChange } from "./http_server.ts";
import type { FromHttpWorker, HttpWorkerStart, ToHttpWorker } from "./http_worker_messages.ts";
import { freePort } from "../../listen/free_port.ts";
import { ListenError } from "../../listen/listen_error.ts";
import type { Listener } from "../../listen/listener.ts";
import type { TlsOptions } from "../../listen/tls.ts";
import type { LogOptions } from "./logger.ts";

const log = getLogger(["durable-streams", "process"]);

/** How often the threads get the storage's status. */
const STATUS_EVERY_MS = 1000;
/** Shorter than a scrape's time-out. */
const MEASURE_LIMIT_MS = 2000;

/** Threads that serve HTTP on one port; this thread has the storage. */
export class HttpWorkers implements Listener {
  readonly port: number;
  readonly #workers: readonly HttpWorker[];
  /** Ends the webhooks that are under way. */
  readonly #deliveries: AbortController;
  readonly #authority: OpenedAuthority | undefined;
  readonly #prepareHere: HttpServer["prepare"];
  readonly #statusTimer: ReturnType<typeof setInterval>;

  constructor(
    port: number,
    workers: readonly HttpWorker[],
    deliveries: AbortController,
    authority: OpenedAuthority | undefined,
    prepareHere: HttpServer["prepare"],
  ) {
    this.#authority = authority;
    this.#prepareHere = prepareHere;
    this.port = port;
    this.#workers = workers;
    this.#deliveries = deliveries;
    this.#statusTimer = setInterval(() => {
      for (const worker of workers) worker.sendStatus();
    }, STATUS_EVERY_MS);
  }

  /**
   * Has each thread look at new settings, and puts those in place that can change, in all or in none.
   *
   * @throws {Error} why a thread can't take them
   */
  prepare(settings: AppSettings, logs: LogOptions): Promise<Prepared> {
    return prepareTogether([
      () => ({ apply: this.#prepareHere(settings) }),
      ...this.#workers.map((worker) => () => worker.prepare(settings, logs)),
    ]);
  }

  /** Ends every live read that waits. */
  endReaders(): void {
    for (const worker of this.#workers) worker.send({ kind: "end readers" });
    this.#deliveries.abort();
  }

  /** Checked by each thread, which logs what is wrong. */
  setCertificate(tls: TlsOptions): void {
    for (const worker of this.#workers) worker.send({ kind: "certificate", tls });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    clearInterval(this.#statusTimer);
    this.#authority?.close();
  }
}

/**
 * Starts `count` threads that listen on the same port.
 *
 * @param tracer told of deliveries: each thread opens one of its own for its requests
 * @throws {ListenError}
 */
export async function startHttpWorkers(
  count: number,
  settings: AppSettings,
  logs: LogOptions,
  storage: Storage,
  tracer: Tracer | undefined,
): Promise<HttpWorkers> {
  const port = await portOf(settings);
  const start: HttpWorkerStart = {
    settings: { ...settings, port },
    storage: { identity: storage.identity, status: storage.status() },
    logs,
  };
  const readers = new AbortController();
  // Each thread has one of its own; this thread's is for the subscriptions.
  const authority = settings.access === undefined
    ? undefined
    : await openAuthority(settings.access);
  const authorize = authority === undefined ? {} : { authorize: authority };
  const traced = tracer === undefined ? {} : { tracer };
  const controlParts = { ...authorize, ...traced, storage, signal: readers.signal };
  const control = createControl({ ...settings.app, ...controlParts });
  const workers: HttpWorker[] = [];
  const parts = { storage, control, gatherMetrics: () => gatherMetrics(control, workers) };
  while (workers.length < count) workers.push(new HttpWorker(start, parts));
  try {
    await Promise.all(workers.map((worker) => worker.listening));
  } catch (error) {
    readers.abort();
    authority?.close();
    await Promise.all(workers.map((worker) => worker.end()));
    throw error;
  }
  const prepareHere = settingsChange(settings, control, authority, controlParts);
  return new HttpWorkers(port, workers, readers, authority, prepareHere);
}

async function portOf({ host, port }: AppSettings): Promise<number> {
  try {
    return await freePort({ host, port });
  } catch (error) {
    throw new ListenError({ host, port }, error);
  }
}

/** What this thread and all that serve have counted. */
async function gatherMetrics(
  control: Control,
  workers: readonly HttpWorker[],
): Promise<readonly Sample[]> {
  return mergeSamples(
    await Promise.all([control.measure(), ...workers.map((worker) => worker.measure())]),
  );
}

/** What the threads that serve need of this one. */
interface HttpWorkerParts {
  readonly storage: Storage;
  readonly control: Control;
  gatherMetrics(): Promise<readonly Sample[]>;
}

class HttpWorker {
  /** Resolves once it listens. */
  readonly listening: Promise<void>;
  readonly #worker: Worker;
  readonly #host: StorageHost;
  readonly #parts: HttpWorkerParts;
  readonly #stopped = Promise.withResolvers<void>();
  #isStopping = false;
  /** What it counted last, and who waits for what it counts now. */
  #samples: readonly Sample[] = [];
  #measures: ((samples: readonly Sample[]) => void)[] = [];
  #measureTimer: ReturnType<typeof setTimeout> | undefined;
  /** Gets why new settings can't be put in place, or that they can. */
  #onPrepared: (problem: string | undefined) => void = () => {};

  constructor(start: HttpWorkerStart, parts: HttpWorkerParts) {
    this.#parts = parts;
    this.#worker = new Worker(workerUrl(import.meta.url, "src/cli/serve/http_worker.ts"), {
      workerData: start,
    });
    this.#host = new StorageHost(
      parts.storage,
      (batch, transfer) => this.send({ kind: "replies", batch }, transfer),
    );
    const listening = Promise.withResolvers<void>();
    this.listening = listening.promise;
    this.#worker.on("message", (message: FromHttpWorker) => {
      switch (message.kind) {
        case "calls":
          return this.#host.take(message.batch);
        case "control":
          return void this.#serveControl(message.id, message.request);
        case "gather metrics":
          return void this.#sendMetrics();
        case "measured":
          return this.#takeSamples(message.samples);
        case "prepared":
          return this.#onPrepared(message.problem);
        case "listening":
          return listening.resolve();
        case "listen failed":
          return listening.reject(new Error(message.message));
        case "stopped":
          return this.#stopped.resolve();
      }
    });
    this.#worker.on("error", (error: unknown) => this.#ended(error));
    this.#worker.on("exit", () => this.#ended(undefined));
  }

  send(message: ToHttpWorker, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  async #serveControl(id: number, request: ForwardedRequest): Promise<void> {
    this.send({ kind: "control reply", id, response: await this.#parts.control.serve(request) });
  }

  async #sendMetrics(): Promise<void> {
    this.send({ kind: "metrics", samples: await this.#parts.gatherMetrics() });
  }

  /**
   * What it has counted. One that is busy for too long is told of as it was last: without it sums would
   * fall, as if the server had been started again.
   */
  measure(): Promise<readonly Sample[]> {
    return new Promise((resolve) => {
      this.#measures.push(resolve);
      this.send({ kind: "measure" });
      this.#measureTimer ??= setTimeout(() => this.#takeSamples(this.#samples), MEASURE_LIMIT_MS);
    });
  }

  #takeSamples(samples: readonly Sample[]): void {
    clearTimeout(this.#measureTimer);
    this.#measureTimer = undefined;
    this.#samples = samples;
    for (const resolve of this.#measures) resolve(samples);
    this.#measures = [];
  }

  /** Throws why the thread can't take new settings. */
  async prepare(settings: AppSettings, logs: LogOptions): Promise<Prepared> {
    const problem = await new Promise<string | undefined>((resolve) => {
      this.#onPrepared = resolve;
      this.send({ kind: "prepare", settings, logs });
    });
    if (problem !== undefined) throw new Error(problem);
    return {
      apply: () => this.send({ kind: "apply" }),
      abandon: () => this.send({ kind: "abandon" }),
    };
  }

  sendStatus(): void {
    this.#host.sendStatus();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.send({ kind: "stop" });
    await this.#stopped.promise;
    await this.end();
  }

  /** Ends the thread at once. */
  async end(): Promise<void> {
    this.#isStopping = true;
    await this.#worker.terminate();
  }

  /** Ends the program, since clients of the ended thread would wait for ever; acknowledged data stays. */
  #ended(error: unknown): void {
    if (this.#isStopping) return;
    log.fatal("a thread that serves HTTP has ended, and with it the program", { error });
    process.exit(1);
  }
}
