import type { Bytes } from "../protocol/bytes.ts";
import {
  type FrameSink,
  type Handler,
  type HttpResponse,
  isLiveBody,
  isSliceBody,
  type LiveBody,
  type ResponseBody,
} from "./handler.ts";
import { nameRequest } from "./request_id.ts";

/**
 * Serves a `Request` with a handler, as `fetch` of an app or a runtime's own server wants it.
 *
 * @param peerAddress says who is connected
 */
export function fetchWith(
  handler: Handler,
  request: Request,
  peerAddress?: (request: Request) => string | undefined,
): Promise<Response> {
  const handled = peerAddress === undefined
    ? request
    : Object.assign(request, { peerAddress: () => peerAddress(request) });
  return new Promise((resolve, reject) =>
    handler(handled, (given) => {
      try {
        const response = nameRequest(given, request);
        resolve(request.method === "HEAD" ? toHeadResponse(response) : toResponse(response));
      } catch (error) {
        reject(error);
      }
    })
  );
}

/** Makes a `Response` of a handler's. */
export function toResponse({ status, headers, body }: HttpResponse): Response {
  return new Response(toBodyInit(body), { status, headers });
}

/** To HEAD: a body that is no body would be told as one of 0 bytes, and GET's may have some. */
function toHeadResponse(response: HttpResponse): Response {
  if (response.body !== null || response.status !== 200) return toResponse(response);
  const { status, headers } = response;
  return new Response(emptyStream(), { status, headers });
}

function emptyStream(): ReadableStream<Bytes> {
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      controller.close();
      controller.byobRequest?.respond(0);
    },
  });
}

function toBodyInit(body: ResponseBody): BodyInit | null {
  if (isLiveBody(body)) return streamOf(body);
  if (!isSliceBody(body)) return body;
  body.slice.release();
  throw new TypeError("A part of an open file is for a socket: a response takes a blob of it.");
}

function streamOf(body: LiveBody): ReadableStream<Bytes> {
  const sink = new StreamSink(body.limitBytes);
  return new ReadableStream<Bytes>({
    start(controller) {
      sink.controller = controller;
      body.attach(sink);
    },
    pull: () => body.drained(),
    cancel: () => body.disconnected(),
  }, { highWaterMark: body.limitBytes, size: (chunk) => chunk?.byteLength ?? 0 });
}

class StreamSink implements FrameSink {
  controller: ReadableStreamDefaultController<Bytes> | undefined;
  readonly #limitBytes: number;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get queuedBytes(): number {
    return this.#limitBytes - (this.controller?.desiredSize ?? 0);
  }

  write(frame: Bytes): void {
    this.controller?.enqueue(frame);
  }

  end(): void {
    this.controller?.close();
  }

  destroy(reason: Error): void {
    this.controller?.error(reason);
  }
}
