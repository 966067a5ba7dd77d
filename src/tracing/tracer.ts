import type { TraceContext } from "./trace_context.ts";

/**
 * Where spans go: of requests, of what the log makes durable, of deliveries. Nothing of it throws, waits or
 * keeps more than a bounded number of spans.
 */
export interface Tracer {
  /**
   * Begins the span of a request.
   *
   * @param parent what its `traceparent` says
   */
  request(method: string, parent: TraceContext | undefined): RequestSpan;
  /** Tells of a batch of the log that is durable now. */
  batch(batch: SyncedBatch): void;
  /** Begins the span of a webhook's request. */
  delivery(start: DeliveryStart): DeliverySpan;
}

/** A request that is served. */
export interface RequestSpan {
  /** The parent of all that comes of it. */
  readonly context: TraceContext;
  /** Its response has begun; of a live read, it is over. Called once. */
  end(facts: RequestFacts): void;
}

/** What is known of a request once it was answered. None of it is secret. */
export interface RequestFacts {
  readonly status: number;
  /** Its path and query, with those parameters that are no secrets. */
  readonly path: string;
  /** The same for all requests of a kind: `/v1/stream/*`. */
  readonly route: string | undefined;
  readonly scheme: string;
  /** The stream that it is about. */
  readonly stream: string | undefined;
  /** As its response names it; given where it failed. */
  readonly requestId: string | undefined;
}

/** Records that one sync made durable. */
export interface SyncedBatch {
  /** When the sync began and ended, in ms of `performance.now()`. */
  readonly startMs: number;
  readonly endMs: number;
  /** How many records there were, traced or not. */
  readonly records: number;
  /** How long the batch is in the log. */
  readonly bytes: number;
  /** The requests that its records come of, as far as they are traced, at most {@link LINKS_LIMIT}. */
  readonly links: readonly TraceContext[];
  /** How many more there were. */
  readonly droppedLinks: number;
}

/** A batch's span is linked to at most so many requests. */
export const LINKS_LIMIT = 128;

/** A webhook's request that begins. */
export interface DeliveryStart {
  /** The append that woke the subscription, where that is known. */
  readonly parent: TraceContext | undefined;
  readonly subscription: string;
  /** That of its wake (PROTOCOL §7.3). */
  readonly generation: number;
  /** Attempts that failed before it. */
  readonly failures: number;
  /** How many streams the wake names. */
  readonly streams: number;
  /** Its URL, of which only the origin is shown: the rest may be secret. */
  readonly url: string;
}

/** A webhook's request. */
export interface DeliverySpan {
  /** What its `traceparent` says. */
  readonly context: TraceContext;
  /**
   * It was answered, or will never be. Called once.
   *
   * @param problem what went wrong, as the log says it
   */
  end(status: number | undefined, problem: string | undefined): void;
}
