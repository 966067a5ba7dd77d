import process from "node:process";
import { parentPort, workerData } from "node:worker_threads";
import { getLogger } from "@logtape/logtape";
import type { HttpResponse } from "../../http/handler.ts";
import type { ThreadFigures } from "../../server/app.ts";
import type { Tick } from "../../server/figures/recorder.ts";
import type { ForwardedRequest } from "../../server/common/forwarded_request.ts";
import type { LiveChange } from "../../server/common/live_change.ts";
import type { Sample } from "../../metrics/sample.ts";
import { type RemoteStart, RemoteStorage } from "../../storage/remote/remote_storage.ts";
import type { StartProgress } from "../../storage/start_progress.ts";
import { type OpenedTracer, openTracer } from "../../tracing/open_telemetry.ts";
import { version } from "../context/version.ts";
import { surviveUncaughtErrors } from "./uncaught_errors.ts";
import { type Prepared, prepareTogether } from "../config/reload.ts";
import { type HttpServer, startHttp } from "./http_server.ts";
import type { FromHttpWorker, HttpWorkerStart, ToHttpWorker } from "./http_worker_messages.ts";
import type { ReaderCounts } from "./gather_readers.ts";
import { LiveSettings } from "./live_settings.ts";
import type { TlsOptions } from "../../listen/tls.ts";
import { ThreadQuestions } from "./thread_questions.ts";
import { configureLogs } from "./logger.ts";

/** A thread that serves HTTP, one of several in front of the storage's thread. */

const log = getLogger(["durable-streams", "process"]);

/** Longer than the storage's thread waits for the others. */
const LIVE_CHANGE_LIMIT_MS = 5000;

const start: HttpWorkerStart = workerData;
configureLogs(start.logs);
surviveUncaughtErrors();

const readers = new AbortController();
let progress: StartProgress = { state: "starting" };
let storage: RemoteStorage | undefined;
/** Requests about subscriptions that the storage's thread serves, and who waits for the responses. */
const forwarded = new Map<number, (response: HttpResponse) => void>();
let nextForwardId = 0;
/** Who waits for what all threads have counted. */
let scrapes: ((samples: readonly Sample[]) => void)[] = [];
let measure: () => readonly Sample[] = () => [];
/** Who waits for how many readers streams have. */
const readerQuestions = new ThreadQuestions<ReaderCounts>(new Map());
const liveChanges = new ThreadQuestions(false, LIVE_CHANGE_LIMIT_MS);
let changeLive: (change: LiveChange) => boolean = () => false;
let figures: ThreadFigures | undefined;
let live: LiveSettings | undefined;
let listener: HttpServer | undefined;
/** New settings that were looked at. */
let prepared: Prepared | undefined;
let tracer: OpenedTracer | undefined;

parentPort?.on("message", (message: ToHttpWorker) => {
  switch (message.kind) {
    case "progress":
      progress = message.progress;
      return;
    case "serve":
      return serve(message.storage);
    case "replies":
      return storage?.take(message.batch);
    case "control reply":
      forwarded.get(message.id)?.(message.response);
      forwarded.delete(message.id);
      return;
    case "measure":
      return send({ kind: "measured", samples: measure() });
    case "metrics":
      for (const resolve of scrapes) resolve(message.samples);
      scrapes = [];
      return;
    case "figures":
      return takeFigures(message.tick);
    case "count readers":
      return countReaders(message.question, message.ids);
    case "readers":
      return readerQuestions.take(message.question, message.counts);
    case "live change":
      return send({ kind: "live changed", id: message.id, isDone: changeLive(message.change) });
    case "live change shared":
      return liveChanges.take(message.id, message.isDone);
    case "prepare":
      return void prepare(message.settings, message.logs);
    case "apply":
      prepared?.apply();
      prepared = undefined;
      return;
    case "abandon":
      prepared?.abandon?.();
      prepared = undefined;
      return;
    case "end readers":
      return readers.abort();
    case "certificate":
      return void setCertificate(message.tls);
    case "stop":
      void listener?.stop().then(() => Promise.all([live?.close(), tracer?.close()]))
        .then(() => send({ kind: "stopped" }));
  }
});

try {
  live = new LiveSettings(start.settings);
  tracer = await openTracer(process.env, version);
  listener = await startHttp(start.settings, live.requestLog, () => progress, readers.signal, {
    forwardControl,
    gatherMetrics,
    onMeasure: (given) => measure = given,
    gatherReaders,
    shareLiveChange: (change) =>
      liveChanges.ask((id) => send({ kind: "share live change", id, change })),
    onLiveChange: (given) => changeLive = given,
    onFigures: (given) => figures = given,
  }, tracer);
  send({ kind: "listening" });
} catch (error) {
  send({ kind: "listen failed", message: error instanceof Error ? error.message : String(error) });
}

function serve(of: RemoteStart): void {
  storage = new RemoteStorage((batch, transfer) => send({ kind: "calls", batch }, transfer), of);
  listener?.serve(storage);
  send({ kind: "serving" });
}

async function prepare(
  settings: HttpWorkerStart["settings"],
  logs: HttpWorkerStart["logs"],
): Promise<void> {
  const [settingsHere, server] = [live, listener];
  if (settingsHere === undefined || server === undefined) return;
  try {
    prepared = await prepareTogether([
      () => settingsHere.prepare(settings, logs),
      () => ({ apply: server.prepare(settings) }),
    ]);
    send({ kind: "prepared" });
  } catch (error) {
    send({ kind: "prepared", problem: error instanceof Error ? error.message : String(error) });
  }
}

async function setCertificate(tls: TlsOptions): Promise<void> {
  try {
    await listener?.setCertificate(tls);
  } catch (error) {
    log.error("the new certificate can't be used; the one before stays", {
      error: error instanceof Error ? error.message : String(error),
    });
  }
}

function forwardControl(request: ForwardedRequest): Promise<HttpResponse> {
  const id = nextForwardId++;
  return new Promise((resolve) => {
    forwarded.set(id, resolve);
    send({ kind: "control", id, request });
  });
}

function countReaders(question: number, ids: readonly number[]): void {
  const counts = figures?.countReaders(ids) ?? new Map<number, number>();
  send({ kind: "readers counted", question, counts });
}

function gatherReaders(ids: readonly number[]): Promise<ReadonlyMap<number, number>> {
  return readerQuestions.ask((question) => send({ kind: "gather readers", question, ids }));
}

function takeFigures(tick: Tick | undefined): void {
  if (figures === undefined) return;
  if (tick !== undefined) figures.add(tick);
  send({ kind: "counted", counts: figures.count() });
}

/** Requests that come at once get the same answer. */
function gatherMetrics(): Promise<readonly Sample[]> {
  return new Promise((resolve) => {
    if (scrapes.push(resolve) === 1) send({ kind: "gather metrics" });
  });
}

function send(message: FromHttpWorker, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}
