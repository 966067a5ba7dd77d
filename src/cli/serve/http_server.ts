import { openAuthority, type OpenedAuthority } from "../../access/open_authority.ts";
import { type Changeable, createChangeableHandler, type OtherThreads } from "../../server/app.ts";
import type { RequestLog } from "../../server/common/request_entry.ts";
import type { Storage } from "../../storage/storage.ts";
import type { Tracer } from "../../tracing/tracer.ts";
import type { AppSettings } from "./app_settings.ts";
import { countsOf, listen } from "../../listen/listen.ts";
import type { Listener } from "../../listen/listener.ts";

/** A server that takes other settings while it runs. */
export interface HttpServer extends Listener {
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
 * Serves a storage over HTTP.
 *
 * @param others where other threads listen on the same port
 * @param tracer told of requests, and of deliveries where this thread makes them
 * @throws {ListenError}
 * @throws {AccessError} where a file that says who may do what is no good
 */
export async function startHttp(
  given: AppSettings,
  requestLog: RequestLog,
  storage: Storage,
  signal: AbortSignal,
  others: OtherThreads | undefined,
  tracer: Tracer | undefined,
): Promise<HttpServer> {
  const { app, access, accessLog: _, ...settings } = given;
  const authority = access === undefined ? undefined : await openAuthority(access);
  const authorize = authority === undefined ? {} : { authorize: authority };
  const traced = tracer === undefined ? {} : { tracer };
  const parts = { ...authorize, ...traced, requestLog, storage, signal };
  const counts = countsOf(settings);
  const changeable = createChangeableHandler({ ...app, ...parts }, others, counts);
  const { handler } = changeable;
  try {
    const isShared = others !== undefined;
    const listener = await listen({ ...settings, handler, isShared, counts });
    return {
      port: listener.port,
      setCertificate: (tls) => listener.setCertificate(tls),
      stop: () => listener.stop().finally(() => authority?.close()),
      prepare: settingsChange(given, changeable, authority, parts),
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
