import { type Context, Hono } from "hono";
import { routePath } from "hono/route";
import { METHOD_NAME_ALL } from "hono/router";
import type { ConnectionCounts } from "../http/connection_counts.ts";
import type { Handler } from "../http/handler.ts";
import { fetchWith } from "../http/fetch.ts";
import type { Sample } from "../metrics/sample.ts";
import { addThreads, type ThreadCounts } from "./figures/counts.ts";
import { type Tick, Ticker } from "./figures/recorder.ts";
import { countProcess, countThread } from "./page/counts.ts";
import { countOwnReaders } from "./page/readers.ts";
import type { ForwardControl } from "./common/forwarded_request.ts";
import type { LiveChange, ShareLiveChange } from "./common/live_change.ts";
import { createRoutes } from "./routes.ts";
import { type AppOptions, resolveOptions, type ServerConfig } from "./common/options.ts";
import type { StartProgress } from "../storage/start_progress.ts";
import type { Storage } from "../storage/storage.ts";
import { serveForwarded } from "./subscriptions/forward.ts";
import {
  contextBelow,
  contextOnceOpen,
  createContext,
  prepareChange,
  type ServerContext,
} from "./verbs/context.ts";
import { measureThread } from "./verbs/measure.ts";
import { measureAll } from "./verbs/metrics.ts";
import { UnopenedStorage } from "./verbs/starting.ts";

/**
 * The protocol as a Hono app: serve its `fetch`, or mount it in an app of yours with `route()` or `mount()`.
 * Middleware and other routes go on that outer app; Hono throws where they are added to this one.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createApp } from "./app.ts";
 * import { createMemoryStorage } from "../storage/memory.ts";
 *
 * const app = createApp({ storage: createMemoryStorage() });
 * const answer = await app.request("/v1/stream/greetings", { method: "PUT", body: "hello" });
 * assert(answer.status === 201);
 * ```
 */
export function createApp(options: AppOptions): Hono {
  const context = createContext(resolveOptions(options));
  recordFigures(() => context);
  const handler = createRoutes(context);
  // Nobody else asks for it.
  const { limits, failedTokens } = context;
  const clientAddress = (limits ?? failedTokens) && options.clientAddress;
  const app = new Hono();
  app.all("/*", (hono) => {
    const below = contextBelow(context, mountDepth(hono));
    return fetchWith(createRoutes(below), hono.req.raw, clientAddress);
  });
  // By itself it needs none of Hono's routing.
  app.fetch = (request) => fetchWith(handler, request, clientAddress);
  // Middleware and routes after that one would never run: now Hono throws where somebody adds them.
  app.router.match(METHOD_NAME_ALL, "/");
  return app;
}

/** What a thread that serves needs of the others, where there are several. */
export interface OtherThreads {
  /** To the one that has the subscriptions. */
  readonly forwardControl: ForwardControl;
  /** What all of them have counted, this one too. */
  gatherMetrics(): Promise<readonly Sample[]>;
  /** How many live readers these streams have in all of them, by the streams' ids. */
  gatherReaders(ids: readonly number[]): Promise<ReadonlyMap<number, number>>;
  /** Changes what a connection of another one follows; false where none has it. */
  readonly shareLiveChange: ShareLiveChange;
  /** Gets what changes those of this one. */
  onLiveChange(change: (change: LiveChange) => boolean): void;
  /** Gets what tells what this one has counted. */
  onMeasure(measure: () => readonly Sample[]): void;
  /** Gets what counts this thread for the page's figures, and what takes those of all threads. */
  onFigures(figures: ThreadFigures): void;
}

/** What a thread adds to the page's figures, and what it gets of them. */
export interface ThreadFigures {
  count(): ThreadCounts;
  /** To be called once a second. */
  add(tick: Tick): void;
  /** How many live readers these streams have here, by the streams' ids. */
  countReaders(ids: readonly number[]): ReadonlyMap<number, number>;
}

/** Options of an app that serves no `Request`s. */
export type HandlerOptions = Omit<AppOptions, "streamName">;

/** What takes other options while it serves. */
export interface Changeable {
  /**
   * Looks at other options and changes nothing. Of them only `clientLimits`, `trustProxy`,
   * `trustedProxies`, `cors` and `allowedHosts` are taken.
   *
   * @returns puts them in place, for requests from now on; what clients have spent stays spent
   * @throws {RangeError} where one makes no sense
   */
  prepare(options: Omit<HandlerOptions, "storage">): () => void;
}

/**
 * The same for a server that needs no `Request`: what the program serves with.
 *
 * @throws {RangeError} as {@link createApp} does
 */
export function createHandler(options: HandlerOptions, connections?: ConnectionCounts): Handler {
  const context = createContext(resolveOptions(options), connections);
  recordFigures(() => context);
  return createRoutes(context);
}

/** Has the page's figures recorded, of an app that serves alone. */
function recordFigures(context: () => ServerContext): void {
  context().recorder?.start(() => {
    const now = context();
    if (now.config.starting !== undefined) return undefined;
    return { ...countProcess(now), ...countThread(now) };
  });
}

/** Serves from before there is a storage, and takes other options while it serves. */
export interface StartingHandler extends Changeable {
  readonly handler: Handler;
  /** Serves this storage from now on. */
  serve(storage: Storage): void;
}

/**
 * The same for a server whose storage is still to be opened: until then all but the health and what a
 * browser asks beforehand is `starting`. Who is let in is decided as later on.
 *
 * @param progress how far the start is
 * @param others where other threads serve, too, and one of them has the subscriptions
 * @param connections what has become of the connections that requests come by
 * @throws {RangeError} as {@link createApp} does
 */
export function createStartingHandler(
  options: Omit<HandlerOptions, "storage">,
  progress: () => StartProgress,
  others?: OtherThreads,
  connections?: ConnectionCounts,
): StartingHandler {
  const config: ServerConfig = {
    ...resolveOptions({ ...options, storage: new UnopenedStorage() }),
    forwardControl: others?.forwardControl,
    gatherMetrics: others && (() => others.gatherMetrics()),
    gatherReaders: others && ((ids) => others.gatherReaders(ids)),
    shareLiveChange: others && ((change) => others.shareLiveChange(change)),
  };
  // Deliveries begin with the storage.
  const starting = { ...config, subscriptions: undefined, starting: progress };
  let context = createContext(starting, connections);
  others?.onMeasure(() => measureThread(context));
  others?.onLiveChange((change) => context.live.change(change));
  const { recorder } = context;
  if (others === undefined) recordFigures(() => context);
  else {
    others.onFigures({
      count: () => countThread(context),
      add: (tick) => recorder?.add(tick),
      countReaders: (ids) => countOwnReaders(context, ids),
    });
  }
  let routes = createRoutes(context);
  return {
    handler: (request, respond) => routes(request, respond),
    serve(storage) {
      context = contextOnceOpen(context, { ...config, storage });
      routes = createRoutes(context);
    },
    prepare: (changed) => prepare(context, changed),
  };
}

function prepare(
  context: ServerContext,
  options: Omit<HandlerOptions, "storage">,
): () => void {
  return prepareChange(context, resolveOptions({ ...options, storage: context.storage }));
}

/** What the storage's thread does for those that serve. */
export interface Control extends Changeable {
  /** Serves the requests about subscriptions that other threads hand on. */
  readonly serve: ForwardControl;
  /** What there is to tell of this thread, the storage and the process. */
  measure(): Promise<readonly Sample[]>;
  /** The second's figures for the page, with what the threads that serve have counted. */
  tick(threads: readonly ThreadCounts[]): Tick | undefined;
}

/**
 * Does what only the storage's thread can, and delivers.
 *
 * @throws {RangeError} as {@link createApp} does
 */
export function createControl(options: HandlerOptions): Control {
  const context = createContext(resolveOptions(options));
  const ticker = new Ticker();
  return {
    serve: (request) => serveForwarded(context, request),
    measure: () => measureAll(context),
    tick: (threads) => ticker.tick({ ...countProcess(context), ...addThreads(threads) }),
    prepare: (changed) => prepare(context, changed),
  };
}

/** How many segments come before the app's own paths where another app routes to it. */
function mountDepth(context: Context): number {
  return routePath(context).replace(/\/?\*$/, "").split("/").length - 1;
}
