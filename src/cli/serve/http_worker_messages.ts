import type { Call, MessageBatch, Reply } from "../../storage/remote/messages.ts";
import type { RemoteStart } from "../../storage/remote/remote_storage.ts";
import type { AppSettings } from "./app_settings.ts";
import type { LogOptions } from "./logger.ts";

/** What a thread that serves HTTP begins with. */
export interface HttpWorkerStart {
  readonly settings: AppSettings;
  readonly storage: RemoteStart;
  readonly logs: LogOptions;
}

/** What it is told. */
export type ToHttpWorker =
  | { kind: "answers"; batch: MessageBatch<Reply> }
  | { kind: "answer readers" }
  | { kind: "stop" };

/** What it tells. */
export type FromHttpWorker =
  | { kind: "calls"; batch: MessageBatch<Call> }
  | { kind: "listening" }
  | { kind: "cannot listen"; message: string }
  | { kind: "stopped" };
