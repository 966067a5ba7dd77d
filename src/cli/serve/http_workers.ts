import process from "node:process";
import { Worker } from "node:worker_threads";
import { getLogger } from "@logtape/logtape";
import { openAuthority, type OpenedAuthority } from "../../access/open_authority.ts";
import { workerUrl } from "../../env/worker_url.ts";
import { mergeSamples, type Sample } from "../../metrics/sample.ts";
import { StorageHost } from "../../storage/remote/storage_host.ts";
import type { StartProgress } from "../../storage/start_progress.ts";
import type { Storage } from "../../storage/storage.ts";
import type { Tracer } from "../../tracing/tracer.ts";
import { type Control, createControl } from "../../server/app.ts";
import type { ForwardedRequest } from "../../server/common/forwarded_request.ts";
import type { LiveChange } from "../../server/common/live_change.ts";
import { gatherReaders, type ReaderCounts } from "./gather_readers.ts";
import { ThreadQuestions } from "./thread_questions.ts";
import type { ThreadCounts } from "../../server/figures/counts.ts";
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
  readonly #settings: AppSettings;
  readonly #workers: readonly HttpWorker[];
  /** Ends the webhooks that are under way. */
  readonly #deliveries = new AbortController();
  /** Each thread has one of its own; this thread's is for the subscriptions. */
  readonly #authority: OpenedAuthority | undefined;
  readonly #tracer: Tracer | undefined;
  /** Once there is a storage. */
  #prepareHere: HttpServer["prepare"] | undefined;
  #statusTimer: ReturnType<typeof setInterval> | undefined;

  constructor(
    settings: AppSettings,
    workers: readonly HttpWorker[],
    authority: OpenedAuthority | undefined,
    tracer: Tracer | undefined,
  ) {
    this.port = settings.port;
    this.#settings = settings;
    this.#workers = workers;
    this.#authority = authority;
    this.#tracer = tracer;
  }

  /** Tells the threads how far the start is. */
  report(progress: StartProgress): void {
    for (const worker of this.#workers) worker.send({ kind: "progress", progress });
  }

  /** Serves this storage from now on; resolves once every thread does. */
  async serve(storage: Storage): Promise<void> {
    const workers = this.#workers;
    const authorize = this.#authority === undefined ? {} : { authorize: this.#authority };
    const traced = this.#tracer === undefined ? {} : { tracer: this.#tracer };
    const { signal } = this.#deliveries;
    const controlParts = { ...authorize, ...traced, signal };
    const control = createControl({ ...this.#settings.app, ...controlParts, storage });
    this.#prepareHere = settingsChange(this.#settings, control, this.#authority, controlParts);
    const parts = {
      storage,
      control,
      gatherMetrics: () => gatherMetrics(control, workers),
      gatherReaders: (ids: readonly number[]) => gatherReaders(workers, ids),
      shareLiveChange: (asker: HttpWorker, change: LiveChange) =>
        changeElsewhere(workers.filter((worker) => worker !== asker), change),
    };
    this.#statusTimer = setInterval(() => {
      for (const worker of workers) worker.sendStatus();
      if (this.#settings.app.page === true) sendFigures(control, workers);
    }, STATUS_EVERY_MS);
    await Promise.all(workers.map((worker) => worker.serve(parts)));
  }

  /**
   * Has each thread look at new settings, and puts those in place that can change, in all or in none.
   *
   * @throws {Error} why a thread can't take them
   */
  prepare(settings: AppSettings, logs: LogOptions): Promise<Prepared> {
    const prepareHere = this.#prepareHere;
    return prepareTogether([
      () => ({ apply: prepareHere?.(settings) ?? (() => {}) }),
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
  given: AppSettings,
  logs: LogOptions,
  tracer: Tracer | undefined,
): Promise<HttpWorkers> {
  const settings = { ...given, port: await portOf(given) };
  const authority = settings.access === undefined
    ? undefined
    : await openAuthority(settings.access);
  const workers = Array.from({ length: count }, () => new HttpWorker({ settings, logs }));
  try {
    await Promise.all(workers.map((worker) => worker.listening));
  } catch (error) {
    authority?.close();
    await Promise.all(workers.map((worker) => worker.end()));
    throw error;
  }
  return new HttpWorkers(settings, workers, authority, tracer);
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

/** Each thread that serves has the figures of all: it doesn't know which one a page asks. */
function sendFigures(control: Control, workers: readonly HttpWorker[]): void {
  const tick = control.tick(workers.flatMap(({ counts }) => counts ?? []));
  for (const worker of workers) worker.send({ kind: "figures", tick });
}

/** Whether one of the threads has changed its connection. */
async function changeElsewhere(
  workers: readonly HttpWorker[],
  change: LiveChange,
): Promise<boolean> {
  return (await Promise.all(workers.map((worker) => worker.changeLive(change)))).includes(true);
}

/** What the threads that serve need of this one. */
interface HttpWorkerParts {
  readonly storage: Storage;
  readonly control: Control;
  gatherMetrics(): Promise<readonly Sample[]>;
  gatherReaders(ids: readonly number[]): Promise<ReadonlyMap<number, number>>;
  shareLiveChange(asker: HttpWorker, change: LiveChange): Promise<boolean>;
}

class HttpWorker {
  /** Resolves once it listens. */
  readonly listening: Promise<void>;
  readonly #readers = new ThreadQuestions<ReaderCounts>(new Map(), MEASURE_LIMIT_MS);
  readonly #liveChanges = new ThreadQuestions(false, MEASURE_LIMIT_MS);
  /** What it counted last for the page's figures. */
  counts: ThreadCounts | undefined;
  readonly #worker: Worker;
  /** Once there is a storage. */
  #host: StorageHost | undefined;
  #parts: HttpWorkerParts | undefined;
  readonly #serving = Promise.withResolvers<void>();
  readonly #stopped = Promise.withResolvers<void>();
  #isStopping = false;
  /** What it counted last, and who waits for what it counts now. */
  #samples: readonly Sample[] = [];
  #measures: ((samples: readonly Sample[]) => void)[] = [];
  #measureTimer: ReturnType<typeof setTimeout> | undefined;
  /** Gets why new settings can't be put in place, or that they can. */
  #onPrepared: (problem: string | undefined) => void = () => {};

  constructor(start: HttpWorkerStart) {
    this.#worker = new Worker(workerUrl(import.meta.url, "src/cli/serve/http_worker.ts"), {
      workerData: start,
    });
    const listening = Promise.withResolvers<void>();
    this.listening = listening.promise;
    this.#worker.on("message", (message: FromHttpWorker) => {
      switch (message.kind) {
        case "calls":
          return this.#host?.take(message.batch);
        case "control":
          return void this.#serveControl(message.id, message.request);
        case "gather metrics":
          return void this.#sendMetrics();
        case "serving":
          return this.#serving.resolve();
        case "measured":
          return this.#takeSamples(message.samples);
        case "gather readers":
          return void this.#sendReaders(message.question, message.ids);
        case "readers counted":
          return this.#readers.take(message.question, message.counts);
        case "share live change":
          return void this.#shareLiveChange(message.id, message.change);
        case "live changed":
          return this.#liveChanges.take(message.id, message.isDone);
        case "counted":
          this.counts = message.counts;
          return;
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

  /** Has it serve a storage; resolves once it does. */
  serve(parts: HttpWorkerParts): Promise<void> {
    const { storage } = parts;
    this.#parts = parts;
    this.#host = new StorageHost(
      storage,
      (batch, transfer) => this.send({ kind: "replies", batch }, transfer),
    );
    const { identity, kind } = storage;
    this.send({ kind: "serve", storage: { identity, kind, status: storage.status() } });
    return this.#serving.promise;
  }

  async #serveControl(id: number, request: ForwardedRequest): Promise<void> {
    const response = await this.#parts?.control.serve(request);
    if (response !== undefined) this.send({ kind: "control reply", id, response });
  }

  async #sendMetrics(): Promise<void> {
    const samples = await this.#parts?.gatherMetrics();
    if (samples !== undefined) this.send({ kind: "metrics", samples });
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

  async #sendReaders(question: number, ids: readonly number[]): Promise<void> {
    const counts = await this.#parts?.gatherReaders(ids);
    if (counts !== undefined) this.send({ kind: "readers", question, counts });
  }

  /** How many live readers these streams have in it; a thread that is busy for too long says nothing. */
  countReaders(ids: readonly number[]): Promise<ReadonlyMap<number, number>> {
    return this.#readers.ask((question) => this.send({ kind: "count readers", question, ids }));
  }

  async #shareLiveChange(id: number, change: LiveChange): Promise<void> {
    const isDone = await this.#parts?.shareLiveChange(this, change) ?? false;
    this.send({ kind: "live change shared", id, isDone });
  }

  /** Changes what a connection follows; false where it has none of that id, and where it is too busy. */
  changeLive(change: LiveChange): Promise<boolean> {
    return this.#liveChanges.ask((id) => this.send({ kind: "live change", id, change }));
  }

  sendStatus(): void {
    this.#host?.sendStatus();
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
