import { openAuthority } from "../../access/open_authority.ts";
import { createStartingHandler, type OtherThreads } from "../../server/app.ts";
import type { RequestLog } from "../../server/common/request_entry.ts";
import type { StartProgress } from "../../storage/start_progress.ts";
import type { Storage } from "../../storage/storage.ts";
import type { Tracer } from "../../tracing/tracer.ts";
import type { AppSettings } from "./app_settings.ts";
import { listen } from "../../listen/listen.ts";
import type { Listener } from "../../listen/listener.ts";

/** A server from before its storage is open. */
export interface StartedHttp extends Listener {
  /** Serves this storage from now on; until then all is answered that the server is starting. */
  serve(storage: Storage): void;
}

/**
 * Listens, and serves a storage over HTTP once that is open.
 *
 * @param progress how far the start is
 * @param others where other threads listen on the same port
 * @param tracer told of requests, and of deliveries where this thread makes them
 * @throws {ListenError}
 * @throws {AccessError} where a file that says who may do what is no good
 */
export async function startHttp(
  { app, access, accessLog: _, ...settings }: AppSettings,
  requestLog: RequestLog,
  progress: () => StartProgress,
  signal: AbortSignal,
  others: OtherThreads | undefined,
  tracer: Tracer | undefined,
): Promise<StartedHttp> {
  const authority = access === undefined ? undefined : await openAuthority(access);
  const authorize = authority === undefined ? {} : { authorize: authority };
  const traced = tracer === undefined ? {} : { tracer };
  const options = { ...app, ...authorize, ...traced, requestLog, signal };
  const { handler, serve } = createStartingHandler(options, progress, others);
  try {
    const isShared = others !== undefined;
    const listener = await listen({ ...settings, handler, isShared });
    return {
      port: listener.port,
      serve,
      setCertificate: (tls) => listener.setCertificate(tls),
      stop: () => listener.stop().finally(() => authority?.close()),
    };
  } catch (error) {
    authority?.close();
    throw error;
  }
}
