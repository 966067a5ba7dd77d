import type { HttpRequest, HttpResponse } from "../../http/handler.ts";
import { StreamError } from "../../protocol/errors.ts";
import type { StartProgress } from "../../storage/start_progress.ts";
import type { StorageStatus } from "../../storage/status.ts";
import type { Storage } from "../../storage/storage.ts";
import type { Asker } from "../access/guard.ts";
import type { ServerContext } from "./context.ts";
import { healthOfStart } from "./health.ts";
import { preflight } from "./preflight.ts";

/**
 * The response before the storage is open. What depends on no stream is answered as later on: whether the
 * process lives, how far the start is, and whether a browser may ask.
 *
 * @throws {StreamError} `starting` for all else, and what {@link healthOfStart} throws
 */
export function respondBeforeStart(
  context: ServerContext,
  request: HttpRequest,
  progress: StartProgress,
  asker: Asker,
): HttpResponse {
  if (request.method === "OPTIONS") return preflight(request);
  const part = context.names.isStreamUrl(request) ? undefined : context.names.healthPart(request);
  if (part !== undefined) return healthOfStart(context, request, part, progress, asker);
  throw starting(progress);
}

function starting(progress?: StartProgress): StreamError {
  return new StreamError(
    { code: "starting" },
    `The server is starting${doing(progress)}: try again.`,
  );
}

function doing(progress: StartProgress | undefined): string {
  if (progress?.state !== "recovering") return "";
  const { step, readBytes, logBytes } = progress;
  const percent = logBytes === 0 ? 100 : Math.floor(readBytes / logBytes * 100);
  return step === "check"
    ? `, and checks its log, ${percent}% so far`
    : `, and applies its log, ${percent}% so far`;
}

/** Stands for the storage until that is open: whatever asked it would learn that the server starts. */
export class UnopenedStorage implements Storage {
  readonly identity = "";

  create(): Promise<never> {
    return Promise.reject(starting());
  }

  append(): Promise<never> {
    return Promise.reject(starting());
  }

  delete(): Promise<never> {
    return Promise.reject(starting());
  }

  head(): Promise<never> {
    return Promise.reject(starting());
  }

  read(): Promise<never> {
    return Promise.reject(starting());
  }

  list(): Promise<never> {
    return Promise.reject(starting());
  }

  watch(): Promise<never> {
    return Promise.reject(starting());
  }

  status(): StorageStatus {
    return {
      state: "failed",
      reason: "The server is starting.",
      figures: {
        loadedStreams: 0,
        openFiles: 0,
        logBytes: 0,
        queuedBytes: 0,
        checkpoints: 0,
        failedCheckpoints: 0,
        damagedStreams: 0,
        damagedSubscriptions: 0,
      },
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
