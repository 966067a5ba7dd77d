import type { HttpResponse } from "../../http/handler.ts";
import type { ForwardedRequest } from "../../server/common/forwarded_request.ts";
import type { LiveChange } from "../../server/common/live_change.ts";
import type { ThreadCounts } from "../../server/figures/counts.ts";
import type { Tick } from "../../server/figures/recorder.ts";
import type { Sample } from "../../metrics/sample.ts";
import type { StartProgress } from "../../storage/start_progress.ts";
import type { Call, MessageBatch, Reply } from "../../storage/remote/messages.ts";
import type { RemoteStart } from "../../storage/remote/remote_storage.ts";
import type { TlsOptions } from "../../listen/tls.ts";
import type { AppSettings } from "./app_settings.ts";
import type { LogOptions } from "./logger.ts";

/** The start data of a thread that serves HTTP. */
export interface HttpWorkerStart {
  readonly settings: AppSettings;
  readonly logs: LogOptions;
}

/** The messages to such a thread. */
export type ToHttpWorker =
  /** How far the start is, before there is a storage. */
  | { kind: "progress"; progress: StartProgress }
  /** The storage is open: it is served from now on. */
  | { kind: "serve"; storage: RemoteStart }
  | { kind: "replies"; batch: MessageBatch<Reply> }
  | { kind: "control reply"; id: number; response: HttpResponse }
  /** Asks what the thread has counted. */
  | { kind: "measure" }
  /** What all threads have counted. */
  | { kind: "metrics"; samples: readonly Sample[] }
  /** What the second has added to the page's figures, where that is known; "counted" follows. */
  | { kind: "figures"; tick: Tick | undefined }
  /** Asks how many live readers these streams have; "readers counted" follows. */
  | { kind: "count readers"; question: number; ids: readonly number[] }
  /** How many they have in all threads, by the streams' ids. */
  | { kind: "readers"; question: number; counts: ReadonlyMap<number, number> }
  /** Changes what a connection follows, where the thread has it; "live changed" follows. */
  | { kind: "live change"; id: number; change: LiveChange }
  /** Whether another thread has changed its connection. */
  | { kind: "live change shared"; id: number; isDone: boolean }
  /** Looks at new settings; "prepared" follows. */
  | { kind: "prepare"; settings: AppSettings; logs: LogOptions }
  /** Puts them in place, or forgets them. */
  | { kind: "apply" }
  | { kind: "abandon" }
  | { kind: "end readers" }
  | { kind: "certificate"; tls: TlsOptions }
  | { kind: "stop" };

/** The messages from such a thread. */
export type FromHttpWorker =
  | { kind: "calls"; batch: MessageBatch<Call> }
  | { kind: "control"; id: number; request: ForwardedRequest }
  /** Asks what all threads have counted. */
  | { kind: "gather metrics" }
  | { kind: "measured"; samples: readonly Sample[] }
  /** What the thread has counted for the page's figures. */
  | { kind: "counted"; counts: ThreadCounts }
  /** Asks how many live readers these streams have in all threads. */
  | { kind: "gather readers"; question: number; ids: readonly number[] }
  | { kind: "readers counted"; question: number; counts: ReadonlyMap<number, number> }
  /** Wants another thread to change a connection; "live change shared" follows. */
  | { kind: "share live change"; id: number; change: LiveChange }
  | { kind: "live changed"; id: number; isDone: boolean }
  /** Whether new settings can be put in place, and if not, why. */
  | { kind: "prepared"; problem?: string }
  | { kind: "listening" }
  /** The answer to `serve`. */
  | { kind: "serving" }
  | { kind: "listen failed"; message: string }
  | { kind: "stopped" };
