import { createHandler } from "../../server/app.ts";
import type { ForwardControl } from "../../server/common/forwarded_request.ts";
import type { RequestLog } from "../../server/common/request_entry.ts";
import type { Storage } from "../../storage/storage.ts";
import type { AppSettings } from "./app_settings.ts";
import { listen } from "../../listen/listen.ts";
import type { Listener } from "../../listen/listener.ts";

/**
 * Serves a storage over HTTP.
 *
 * @param forwardControl where other threads listen on the same port, and another has the subscriptions
 * @throws {ListenError}
 */
export function startHttp(
  { app, accessLog: _, ...settings }: AppSettings,
  requestLog: RequestLog,
  storage: Storage,
  signal: AbortSignal,
  forwardControl: ForwardControl | undefined,
): Promise<Listener> {
  const handler = createHandler({ ...app, requestLog, storage, signal }, forwardControl);
  return listen({ ...settings, handler, isShared: forwardControl !== undefined });
}
