import { isErrorBody, withErrorField } from "./error_body.ts";
import type { HttpRequest, HttpResponse } from "./handler.ts";
import { originalOf } from "./stand_in.ts";

/** Names a request, from the client or a proxy to the log. */
const REQUEST_ID = "x-request-id";

const SANE = /^[\w.-]{1,64}$/;
const FIRST_ERROR_STATUS = 400;

/** Tells the ids of this thread from those of others and of earlier runs. */
const PREFIX = crypto.randomUUID().slice(0, 8);
let made = 0;
/** Ids that were made: by the request, since headers may be those of others, too. */
const ids = new WeakMap<object, string>();

/**
 * A request's id: its `X-Request-Id` where that has 1 to 64 letters, digits and `_ . -`, else one that is
 * made when it is first asked for, and no secret.
 */
export function requestIdOf(request: Pick<HttpRequest, "headers">): string {
  const given = request.headers.get(REQUEST_ID);
  if (given !== null && SANE.test(given)) return given;
  const original = originalOf(request);
  let id = ids.get(original);
  if (id === undefined) {
    id = `${PREFIX}-${(made++).toString(36)}`;
    ids.set(original, id);
  }
  return id;
}

/** The response to send: that to a failure names the request once, in `X-Request-Id` and in its body. */
export function nameRequest(
  response: HttpResponse,
  request: Pick<HttpRequest, "headers">,
): HttpResponse {
  if (response.status < FIRST_ERROR_STATUS || REQUEST_ID in response.headers) return response;
  const id = requestIdOf(request);
  const { body } = response;
  return {
    status: response.status,
    headers: { ...response.headers, [REQUEST_ID]: id },
    body: isErrorBody(body) ? withErrorField(body, "requestId", id) : body,
  };
}
