import { openAuthority, type OpenedAuthority } from "../../access/open_authority.ts";
import { type Changeable, createStartingHandler, type OtherThreads } from "../../server/app.ts";
import type { RequestLog } from "../../server/common/request_entry.ts";
import type { StartProgress } from "../../storage/start_progress.ts";
import type { Storage } from "../../storage/storage.ts";
import type { Tracer } from "../../tracing/tracer.ts";
import type { AppSettings } from "./app_settings.ts";
import { countsOf, listen } from "../../listen/listen.ts";
import type { Listener } from "../../listen/listener.ts";

/** A server from before its storage is open, which takes other settings while it runs. */
export interface HttpServer extends Listener {
  /** Serves this storage from now on; until then all is answered that the server is starting. */
  serve(storage: Storage): void;
  /**
   * Looks at other settings and changes nothing yet; of them those of the app that a
   * {@link Changeable} takes, and the rules of access.
   *
   * @returns puts them in place
   * @throws {RangeError} where one makes no sense
   */
  prepare(settings: AppSettings): () => void;
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
  given: AppSettings,
  requestLog: RequestLog,
  progress: () => StartProgress,
  signal: AbortSignal,
  others: OtherThreads | undefined,
  tracer: Tracer | undefined,
): Promise<HttpServer> {
  const { app, access, accessLog: _, ...settings } = given;
  const authority = access === undefined ? undefined : await openAuthority(access);
  const authorize = authority === undefined ? {} : { authorize: authority };
  const traced = tracer === undefined ? {} : { tracer };
  const parts = { ...authorize, ...traced, requestLog, signal };
  const counts = countsOf(settings);
  const starting = createStartingHandler({ ...app, ...parts }, progress, others, counts);
  const { handler } = starting;
  try {
    const isShared = others !== undefined;
    const listener = await listen({ ...settings, handler, isShared, counts });
    return {
      port: listener.port,
      serve: (storage) => starting.serve(storage),
      setCertificate: (tls) => listener.setCertificate(tls),
      stop: () => listener.stop().finally(() => authority?.close()),
      prepare: settingsChange(given, starting, authority, parts),
    };
  } catch (error) {
    authority?.close();
    throw error;
  }
}

/**
 * What looks at other settings for an app and its authority, as {@link HttpServer.prepare} does.
 *
 * @param parts what the app has beside its settings
 */
export function settingsChange(
  started: AppSettings,
  app: Changeable,
  authority: OpenedAuthority | undefined,
  parts: Parameters<Changeable["prepare"]>[0],
): HttpServer["prepare"] {
  let rules = JSON.stringify(started.access?.rules ?? []);
  return (settings) => {
    const given = settings.access?.rules ?? [];
    const next = JSON.stringify(given);
    const changeApp = app.prepare({ ...settings.app, ...parts });
    // Live readers of JWTs end where they change.
    const changeRules = next === rules ? undefined : authority?.prepareRules(given);
    return () => {
      rules = next;
      changeApp();
      changeRules?.();
    };
  };
}
