import type { Answer, Call, Post } from "../../storage/remote/messages.ts";
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
  | { kind: "answers"; post: Post<Answer> }
  | { kind: "answer readers" }
  | { kind: "stop" };

/** What it tells. */
export type FromHttpWorker =
  | { kind: "calls"; post: Post<Call> }
  | { kind: "listening" }
  | { kind: "cannot listen"; message: string }
  | { kind: "stopped" };
