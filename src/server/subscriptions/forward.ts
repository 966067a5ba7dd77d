import {
  type HttpRequest,
  type HttpResponse,
  isLiveBody,
  type LiveBody,
} from "../../http/handler.ts";
import { requestIdOf } from "../../http/request_id.ts";
import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import type { ForwardControl, ForwardedRequest } from "../common/forwarded_request.ts";
import { authenticate, NOBODY } from "../access/guard.ts";
import type { ServerContext } from "../verbs/context.ts";
import { controlErrorResponse } from "./error_response.ts";
import { control, livesByWakeToken } from "./routes.ts";

/** The headers that a request about subscriptions is served by, and that say who sends it. */
const HEADERS = [
  "authorization",
  "cookie",
  "origin",
  "referer",
  "sec-fetch-site",
  "host",
  "forwarded",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-prefix",
];

/** Hands a request on, with its body. */
export async function forward(
  { bodies, counters }: ServerContext,
  request: HttpRequest,
  path: string,
  send: ForwardControl,
): Promise<HttpResponse> {
  const { method, url } = request;
  // Made here where the client gave none, so that both threads' logs say the same.
  const headers: Record<string, string> = { "x-request-id": requestIdOf(request) };
  for (const name of HEADERS) {
    const value = request.headers.get(name);
    if (value !== null) headers[name] = value;
  }
  try {
    return await send({ method, url, headers, path, body: await bodies.read(request) });
  } catch (error) {
    return controlErrorResponse(counters, error, request);
  }
}

/** Serves a request that another thread has handed on. */
export async function serveForwarded(
  context: ServerContext,
  { method, url, headers, body, path }: ForwardedRequest,
): Promise<HttpResponse> {
  const all = new Map(Object.entries({ ...headers, "content-length": String(body.length) }));
  const request: HttpRequest = {
    method,
    url,
    headers: { get: (name) => all.get(name) ?? null },
    body: null,
    whole: body,
    signal: new AbortController().signal,
  };
  const response = await controlAsAsked(context, request, path);
  if (!isLiveBody(response.body)) return response;
  // A body that is made while it is sent can't go to another thread.
  try {
    return { ...response, body: await collect(response.body) };
  } catch (error) {
    return controlErrorResponse(context.counters, error, request);
  }
}

/** By rights of its own authority: what the other thread knows of the sender doesn't come with the request. */
async function controlAsAsked(
  context: ServerContext,
  request: HttpRequest,
  path: string,
): Promise<HttpResponse> {
  const { config: { authority }, clock, counters } = context;
  if (authority === undefined) return await control(context, request, path);
  try {
    const isOpen = livesByWakeToken(path, request.method);
    const asker = isOpen ? NOBODY : await authenticate(authority, request, clock);
    return await control(context, request, path, asker);
  } catch (error) {
    return controlErrorResponse(counters, error, request);
  }
}

function collect(body: LiveBody): Promise<Bytes> {
  return new Promise((resolve, reject) => {
    const frames: Bytes[] = [];
    body.attach({
      queuedBytes: 0,
      write: (frame) => frames.push(frame),
      end: () => resolve(concatBytes(frames)),
      destroy: reject,
    });
  });
}
