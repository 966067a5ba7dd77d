/** Names a span to others (W3C Trace Context): of which trace it is, and whether that is recorded. */
export interface TraceContext {
  /** 32 hexadecimal digits in lower case, not all 0. */
  readonly traceId: string;
  /** 16 hexadecimal digits in lower case, not all 0. */
  readonly spanId: string;
  /** Whether whoever began the trace records it. */
  readonly isSampled: boolean;
}

/** The header that a {@link TraceContext} goes in. */
export const TRACEPARENT = "traceparent";

const VERSION_0_CHARS = 55;
/** What later versions may append is skipped, up to so much. */
const LIMIT_CHARS = 512;
const SHAPE = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const SAMPLED = 1;

/**
 * What a request's `traceparent` says; `undefined` where there is none, or none that is valid: it begins
 * a trace then, as if nothing had been sent. Of a later version than 00 what is known of it is read.
 */
export function parseTraceparent(value: string | null): TraceContext | undefined {
  if (value === null || value.length < VERSION_0_CHARS || value.length > LIMIT_CHARS) {
    return undefined;
  }
  const [, version = "", traceId = "", spanId = "", flags = ""] = SHAPE.exec(value) ?? [];
  if (version === "" || version === "ff") return undefined;
  if (version === "00" && value.length > VERSION_0_CHARS) return undefined;
  if (isZero(traceId) || isZero(spanId)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0 };
}

/** The `traceparent` of a span, of version 00. */
export function formatTraceparent({ traceId, spanId, isSampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;
}

function isZero(digits: string): boolean {
  return /^0+$/.test(digits);
}
