import { bodyLength } from "../../env/file_body.ts";
import type { Clock } from "../../env/clock.ts";
import {
  type FrameSink,
  type HttpRequest,
  type HttpResponse,
  isLiveBody,
  isSliceBody,
  type LiveBody,
  type Respond,
} from "../../http/handler.ts";
import { nameRequest, requestIdOf } from "../../http/request_id.ts";
import { originalOf } from "../../http/stand_in.ts";
import { type Bytes, encodeUtf8 } from "../../protocol/bytes.ts";
import type { RequestEntry } from "../common/request_entry.ts";
import { redactedPath } from "./redacted_path.ts";

/** Who asks, where that is known. */
const clients = new WeakMap<object, string>();

/**
 * Says who asks, for the log: a token's subject, in place of the address. Call it only where there is an
 * observer: it isn't free.
 */
export function nameClient(request: HttpRequest, client: string): void {
  clients.set(originalOf(request), client);
}

/** Has the observer told of a request once the returned function responds to it. */
export function observeRequest(
  request: HttpRequest,
  respond: Respond,
  observer: (entry: RequestEntry) => void,
  clock: Clock,
): Respond {
  const atMs = clock.nowMs();
  const tell = (status: number, bytes: number) =>
    observer(new ObservedRequest(request, atMs, status, bytes, clock.nowMs() - atMs));
  return (given) => {
    const response = nameRequest(given, request);
    const { status, body } = response;
    if (isLiveBody(body) && request.method !== "HEAD") {
      const counted = new CountedBody(body, (bytes) => tell(status, bytes));
      return respond({ ...response, body: counted });
    }
    tell(status, request.method === "HEAD" ? 0 : lengthOf(body));
    respond(response);
  };
}

/** Most of it is made when it is asked for: under load most requests are only counted. */
class ObservedRequest implements RequestEntry {
  readonly atMs: number;
  readonly status: number;
  readonly bytes: number;
  readonly ms: number;
  readonly #request: HttpRequest;

  constructor(request: HttpRequest, atMs: number, status: number, bytes: number, ms: number) {
    this.#request = request;
    this.atMs = atMs;
    this.status = status;
    this.bytes = bytes;
    this.ms = ms;
  }

  get id(): string {
    return requestIdOf(this.#request);
  }

  get client(): string | undefined {
    return clients.get(originalOf(this.#request)) ?? this.#request.peerAddress?.();
  }

  get method(): string {
    return this.#request.method;
  }

  get path(): string {
    return redactedPath(this.#request.url);
  }
}

function lengthOf(body: Exclude<HttpResponse["body"], LiveBody> | LiveBody): number {
  if (body === null || isLiveBody(body)) return 0;
  if (typeof body === "string") return encodeUtf8(body).length;
  if (!isSliceBody(body)) return bodyLength(body);
  return body.before.length + bodyLength(body.slice) + body.after.length;
}

/** Counts what a live body sends. */
export class CountedBody implements LiveBody {
  readonly #body: LiveBody;
  #ended: ((bytes: number) => void) | undefined;
  #bytes = 0;

  constructor(body: LiveBody, ended: (bytes: number) => void) {
    this.#body = body;
    this.#ended = ended;
  }

  get limitBytes(): number {
    return this.#body.limitBytes;
  }

  attach(sink: FrameSink): void {
    this.#body.attach({
      get queuedBytes() {
        return sink.queuedBytes;
      },
      write: (frame: Bytes) => {
        this.#bytes += frame.length;
        sink.write(frame);
      },
      end: () => {
        this.#end();
        sink.end();
      },
      destroy: (reason) => {
        this.#end();
        sink.destroy(reason);
      },
    });
  }

  drained(): void {
    this.#body.drained();
  }

  disconnected(): void {
    this.#end();
    this.#body.disconnected();
  }

  #end(): void {
    this.#ended?.(this.#bytes);
    this.#ended = undefined;
  }
}
