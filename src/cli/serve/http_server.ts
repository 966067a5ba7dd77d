import { createHandler, type OtherThreads } from "../../server/app.ts";
import type { Storage } from "../../storage/storage.ts";
import type { AppSettings } from "./app_settings.ts";
import { listen } from "../../listen/listen.ts";
import type { Listener } from "../../listen/listener.ts";

/**
 * Serves a storage over HTTP.
 *
 * @param others where other threads listen on the same port
 * @throws {ListenError}
 */
export function startHttp(
  { app, ...settings }: AppSettings,
  storage: Storage,
  signal: AbortSignal,
  others: OtherThreads | undefined,
): Promise<Listener> {
  const handler = createHandler({ ...app, storage, signal }, others);
  return listen({ ...settings, handler, isShared: others !== undefined });
}
