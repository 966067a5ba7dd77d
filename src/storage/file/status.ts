import type { StorageStatus } from "../status.ts";
import type { FileAdmission } from "./admission.ts";
import type { DamagedStreams } from "./directory/damaged_streams.ts";
import type { DamagedSubscriptions } from "./directory/damaged_subscriptions.ts";
import { shortageStreamError } from "./directory/shortage_error.ts";
import type { OpenSegments } from "./segments/open_segments.ts";
import type { Checkpointer } from "./streams/checkpoint.ts";
import type { StreamCache } from "./streams/stream_cache.ts";
import type { LogWriter } from "./wal/writer.ts";

/** What tells how a file storage is. */
export interface StatusParts {
  readonly log: Pick<LogWriter<never>, "failure" | "liveBytes" | "queuedBytes" | "shortage">;
  readonly admission: Pick<FileAdmission, "waitingBytes">;
  readonly cache: Pick<StreamCache, "loaded">;
  readonly checkpointer: Pick<Checkpointer, "done" | "failed" | "shortage">;
  readonly damaged: DamagedStreams;
  readonly damagedSubscriptions: DamagedSubscriptions;
  readonly open: Pick<OpenSegments, "openFiles">;
}

/** As `Storage.status`. */
export function statusOf(parts: StatusParts): StorageStatus {
  const { log, admission, cache, checkpointer, damaged, damagedSubscriptions, open } = parts;
  const figures = {
    loadedStreams: cache.loaded,
    openFiles: open.openFiles,
    logBytes: log.liveBytes,
    queuedBytes: log.queuedBytes + admission.waitingBytes,
    checkpoints: checkpointer.done,
    failedCheckpoints: checkpointer.failed,
    damagedStreams: damaged.count,
    damagedSubscriptions: damagedSubscriptions.count,
  };
  const found = {
    figures,
    ...(damaged.count > 0 && { damagedStreams: damaged.named }),
    ...(damagedSubscriptions.count > 0 && { damagedSubscriptions: damagedSubscriptions.named }),
  };
  const { failure } = log;
  if (failure !== undefined) return { state: "failed", reason: failure.message, ...found };
  const lacking = log.shortage.kind ?? checkpointer.shortage;
  if (lacking === undefined) return { state: "ok", ...found };
  const state = lacking === "no_space" ? "full" : "out_of_files";
  return { state, reason: shortageStreamError(lacking).message, ...found };
}
