import { parentPort, workerData } from "node:worker_threads";
import { getLogger } from "@logtape/logtape";
import type { HttpResponse } from "../../http/handler.ts";
import type { ForwardedRequest } from "../../server/common/forwarded_request.ts";
import { RemoteStorage } from "../../storage/remote/remote_storage.ts";
import { surviveUncaughtErrors } from "./uncaught_errors.ts";
import { startHttp } from "./http_server.ts";
import type { FromHttpWorker, HttpWorkerStart, ToHttpWorker } from "./http_worker_messages.ts";
import type { Listener } from "../../listen/listener.ts";
import type { TlsOptions } from "../../listen/tls.ts";
import { configureLogs } from "./logger.ts";

/** A thread that serves HTTP, one of several in front of the storage's thread. */

const log = getLogger(["durable-streams", "process"]);

const start: HttpWorkerStart = workerData;
configureLogs(start.logs);
surviveUncaughtErrors();

const readers = new AbortController();
const storage = new RemoteStorage(
  (batch, transfer) => send({ kind: "calls", batch }, transfer),
  start.storage,
);
/** Requests about subscriptions that the storage's thread serves, and who waits for the responses. */
const forwarded = new Map<number, (response: HttpResponse) => void>();
let nextForwardId = 0;
let listener: Listener | undefined;

parentPort?.on("message", (message: ToHttpWorker) => {
  switch (message.kind) {
    case "replies":
      return storage.take(message.batch);
    case "control reply":
      forwarded.get(message.id)?.(message.response);
      forwarded.delete(message.id);
      return;
    case "end readers":
      return readers.abort();
    case "certificate":
      return void setCertificate(message.tls);
    case "stop":
      void listener?.stop().then(() => send({ kind: "stopped" }));
  }
});

try {
  listener = await startHttp(start.settings, storage, readers.signal, forwardControl);
  send({ kind: "listening" });
} catch (error) {
  send({ kind: "listen failed", message: error instanceof Error ? error.message : String(error) });
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

function send(message: FromHttpWorker, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}
