import type { TraceContext } from "../../src/tracing/trace_context.ts";
import type {
  DeliverySpan,
  DeliveryStart,
  RequestFacts,
  RequestSpan,
  SyncedBatch,
  Tracer,
} from "../../src/tracing/tracer.ts";

/** A trace of a client. */
export const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";

/** A span of that trace, told apart by a number. */
export function contextOf(number: number, isSampled = true): TraceContext {
  return { traceId: TRACE_ID, spanId: number.toString(16).padStart(16, "0"), isSampled };
}

/** Keeps what it is told; its spans are of their parents' traces, and numbered from 1 on. */
export class RecordingTracer implements Tracer {
  readonly begun: { method: string; parent: TraceContext | undefined }[] = [];
  readonly requests: RequestFacts[] = [];
  readonly batches: SyncedBatch[] = [];
  readonly deliveries: DeliveryStart[] = [];
  readonly ends: (readonly [number | undefined, string | undefined])[] = [];
  #spans = 0;

  request(method: string, parent: TraceContext | undefined): RequestSpan {
    this.begun.push({ method, parent });
    return {
      context: this.#next(parent),
      end: (facts) => void this.requests.push(facts),
    };
  }

  batch(batch: SyncedBatch): void {
    this.batches.push(batch);
  }

  delivery(start: DeliveryStart): DeliverySpan {
    this.deliveries.push(start);
    return {
      context: this.#next(start.parent),
      end: (status, problem) => void this.ends.push([status, problem]),
    };
  }

  #next(parent: TraceContext | undefined): TraceContext {
    return contextOf(++this.#spans, parent?.isSampled ?? true);
  }
}
