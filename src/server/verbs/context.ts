import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../env/clock.ts";
import { EventLoopDelay } from "../../env/event_loop_delay.ts";
import type { ConnectionCounts } from "../../http/connection_counts.ts";
import type { Storage } from "../../storage/storage.ts";
import { SubscriptionService } from "../../subscriptions/service.ts";
import { HttpTransport } from "../../subscriptions/webhooks/http_transport.ts";
import { SigningKeys } from "../../subscriptions/webhooks/signing_keys.ts";
import { PageAccess } from "../origins/page_access.ts";
import { wakeCheck } from "../access/subscription_rights.ts";
import type { BodyLimits } from "../body/limits.ts";
import { BodyReader } from "../body/reader.ts";
import { BodyBudget } from "../body/budget.ts";
import { Compressor } from "../body/compressor.ts";
import { Counters } from "../common/counters.ts";
import { ClientLimits } from "../limits/client_limits.ts";
import { FailedTokens } from "../limits/failed_tokens.ts";
import { CountedBodies } from "../limits/counted_bodies.ts";
import { Recorder } from "../figures/recorder.ts";
import { LiveHub } from "../live/live_hub.ts";
import { LiveReaders } from "../live/readers.ts";
import { StreamNames } from "../urls/stream_names.ts";
import type { ServerConfig } from "../common/options.ts";
import { PollHub } from "../live/poll_hub.ts";
import { PublicUrls } from "../urls/public_urls.ts";
import { SseHub } from "../live/sse_hub.ts";

const logger = getLogger(["durable-streams", "server"]);

/** The parts that may give way to others while an app serves. */
interface ChangeableParts {
  urls: PublicUrls;
  pages: PageAccess;
  bodies: BodyReader;
  /** Those of snapshots. */
  snapshotBodies: BodyReader;
  /** Unless nothing limits clients. */
  limits: ClientLimits | undefined;
  /** What is known of clients, also while nothing limits them. */
  clients: ClientLimits | undefined;
  /** Unless nobody is asked who they are, or as many tokens may fail as come. */
  failedTokens: FailedTokens | undefined;
  /** What is known of tokens that have failed, also while as many may. */
  failures: FailedTokens | undefined;
}

/** The parts that the verbs share: one of each for an app. */
export interface ServerContext extends ChangeableParts {
  readonly config: ServerConfig;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly names: StreamNames;
  readonly bodyBudget: BodyBudget;
  /** Unless responses go out uncompressed. */
  readonly compressor: Compressor | undefined;
  readonly liveReaders: LiveReaders;
  readonly sse: SseHub;
  readonly polls: PollHub;
  readonly live: LiveHub;
  /** The subscriptions, once their keys are loaded; `undefined` where there are none. */
  readonly subscriptions: (() => Promise<SubscriptionService>) | undefined;
  readonly counters: Counters;
  /** The figures for the page, where that is on. */
  readonly recorder: Recorder | undefined;
  /** Where its listener counts. */
  readonly connections: ConnectionCounts | undefined;
  readonly eventLoop: EventLoopDelay;
  readonly startedMs: number;
}

/**
 * Makes the parts that the verbs of an app share.
 *
 * @param connections where its listener counts
 */
export function createContext(
  config: ServerConfig,
  connections?: ConnectionCounts,
): ServerContext {
  const { storage, clock } = config;
  const counters = new Counters();
  const bodyBudget = new BodyBudget(config.maxBodyBytesInFlight);
  const eventLoop = new EventLoopDelay();
  config.signal?.addEventListener("abort", () => eventLoop.stop(), { once: true });
  const limits = openLimits(config, counters);
  const failedTokens = openFailedTokens(config, counters);
  const liveReaders = new LiveReaders(config.maxLiveReaders, config.signal, counters);
  return {
    config,
    storage,
    clock,
    names: new StreamNames(config),
    urls: new PublicUrls(config),
    pages: new PageAccess(config),
    bodyBudget,
    limits,
    clients: limits,
    failedTokens,
    failures: failedTokens,
    ...openBodies(config, bodyBudget, limits),
    compressor: config.compress ? new Compressor(clock) : undefined,
    liveReaders,
    sse: new SseHub(config, liveReaders, counters),
    polls: new PollHub(config, liveReaders),
    live: new LiveHub(config, liveReaders, counters),
    subscriptions: openSubscriptions(config),
    counters,
    recorder: config.page ? new Recorder(clock, config.signal) : undefined,
    connections,
    eventLoop,
    startedMs: clock.nowMs(),
  };
}

/**
 * The parts once the storage is open.
 *
 * @param before what the server had while it started: what was counted and changed there goes on
 * @param config the same but for the storage and the start
 */
export function contextOnceOpen(before: ServerContext, config: ServerConfig): ServerContext {
  const { liveReaders, counters } = before;
  return {
    ...before,
    config,
    storage: config.storage,
    sse: new SseHub(config, liveReaders, counters),
    polls: new PollHub(config, liveReaders),
    live: new LiveHub(config, liveReaders, counters),
    subscriptions: openSubscriptions(config),
  };
}

/**
 * Looks at another configuration and changes nothing. Of it, only the limits of clients, the proxies that
 * are believed and the web pages that may ask are taken.
 *
 * @returns puts them in place, for requests from now on
 * @throws {RangeError} where one makes no sense
 */
export function prepareChange(context: ServerContext, config: ServerConfig): () => void {
  const { counters, bodyBudget } = context;
  const pages = new PageAccess(config);
  const urls = new PublicUrls(config);
  const { clientLimits } = config;
  const clients = context.clients ?? openLimits(config, counters);
  const change = clients?.prepare({ ...config, limits: clientLimits ?? {} });
  const limits = clientLimits === undefined ? undefined : clients;
  const bodyReaders = openBodies(context.config, bodyBudget, limits);
  const failures = context.failures ?? openFailedTokens(config, counters);
  const { failedTokens: rate } = config;
  const changeFailures = rate && failures?.prepare({ ...config, failedTokens: rate });
  const failedTokens = rate === undefined ? undefined : failures;
  return () => {
    change?.();
    changeFailures?.();
    Object.assign(
      context,
      {
        pages,
        urls,
        clients,
        limits,
        ...bodyReaders,
        failures,
        failedTokens,
      } satisfies ChangeableParts,
    );
  };
}

function openBodies(
  { maxAppendBytes, maxSnapshotBytes, bodyTimeoutMs, clock }: ServerConfig,
  budget: BodyBudget,
  limits: ClientLimits | undefined,
): Pick<ChangeableParts, "bodies" | "snapshotBodies"> {
  const open = (bodyLimits: BodyLimits) =>
    limits === undefined
      ? new BodyReader(bodyLimits, clock)
      : new CountedBodies(bodyLimits, clock, limits);
  const common = { timeoutMs: bodyTimeoutMs, budget };
  return {
    bodies: open({ ...common, bytes: maxAppendBytes }),
    snapshotBodies: open({ ...common, bytes: maxSnapshotBytes, most: "a snapshot may have" }),
  };
}

function openLimits(config: ServerConfig, counters: Counters): ClientLimits | undefined {
  const { clientLimits } = config;
  return clientLimits && new ClientLimits({ ...config, limits: clientLimits, counters });
}

function openFailedTokens(config: ServerConfig, counters: Counters): FailedTokens | undefined {
  const { failedTokens, authority } = config;
  if (failedTokens === undefined || authority === undefined) return undefined;
  return new FailedTokens({ ...config, failedTokens, counters });
}

/** Begins to deliver what is due at once; requests wait until the keys are there. */
function openSubscriptions(config: ServerConfig): ServerContext["subscriptions"] {
  const { storage, clock, subscriptions, signal, tracer } = config;
  const store = storage.subscriptions;
  if (store === undefined || subscriptions === undefined) return undefined;
  const { allowLoopback = false, maxDeliveries = 1000 } = subscriptions;
  const transport = subscriptions.transport ?? new HttpTransport({ allowLoopback });
  const open = async () => {
    const keys = await SigningKeys.open(store.secrets, clock);
    const whyNoWake = wakeCheck(config.authority, clock);
    const parts = { store, keys, clock, transport, maxDeliveries, allowLoopback, whyNoWake };
    const service = new SubscriptionService({ ...parts, tracer });
    service.start();
    signal?.addEventListener("abort", () => service.stop(), { once: true });
    return service;
  };
  const opened = open();
  opened.catch((error: unknown) =>
    logger.error("Subscriptions can't be served: {error}", { error })
  );
  return () => opened;
}

/** The same for URLs in which other segments come before the app's own paths. */
export function contextBelow(context: ServerContext, mountDepth: number): ServerContext {
  if (mountDepth === 0) return context;
  return { ...context, names: new StreamNames(context.config, mountDepth) };
}
