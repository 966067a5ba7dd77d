import { type HttpRequest, isLiveBody, type Respond } from "../../http/handler.ts";
import { requestIdOf } from "../../http/request_id.ts";
import { originalOf } from "../../http/stand_in.ts";
import { parseTraceparent, type TraceContext, TRACEPARENT } from "../../tracing/trace_context.ts";
import type { RequestSpan, Tracer } from "../../tracing/tracer.ts";
import { redactedPath } from "./redacted_path.ts";
import { CountedBody } from "./request_log.ts";

const FIRST_ERROR_STATUS = 400;

/** The spans of requests that are being served. */
const contexts = new WeakMap<object, TraceContext>();

/** What a request is about, for its span. */
export interface RequestSubject {
  /** As in `RequestFacts`. */
  readonly route: string | undefined;
  readonly stream: string | undefined;
}

/** What is done for a request is a child of this; call it only where there is a tracer: it isn't free. */
export function traceOf(request: HttpRequest): TraceContext | undefined {
  return contexts.get(originalOf(request));
}

/**
 * Begins the span of a request, which ends once the returned function responds to it, that of a live read
 * once that is over.
 *
 * @param subjectOf what it is about; called only where that is recorded
 */
export function traceRequest(
  request: HttpRequest,
  respond: Respond,
  tracer: Tracer,
  subjectOf: (request: HttpRequest) => RequestSubject,
): Respond {
  const span = tracer.request(request.method, parseTraceparent(request.headers.get(TRACEPARENT)));
  contexts.set(originalOf(request), span.context);
  return (response) => {
    const { status, body } = response;
    if (isLiveBody(body) && request.method !== "HEAD") {
      const counted = new CountedBody(body, () => endSpan(span, request, status, subjectOf));
      return respond({ ...response, body: counted });
    }
    endSpan(span, request, status, subjectOf);
    respond(response);
  };
}

function endSpan(
  span: RequestSpan,
  request: HttpRequest,
  status: number,
  subjectOf: (request: HttpRequest) => RequestSubject,
): void {
  // The rest of what is known takes some microseconds to find out.
  const isRecorded = span.context.isSampled;
  span.end({
    status,
    path: isRecorded ? redactedPath(request.url) : "",
    scheme: request.url.startsWith("https:") ? "https" : "http",
    requestId: isRecorded && status >= FIRST_ERROR_STATUS ? requestIdOf(request) : undefined,
    ...(isRecorded ? subjectOf(request) : { route: undefined, stream: undefined }),
  });
}
