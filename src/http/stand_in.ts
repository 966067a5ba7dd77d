import type { HttpRequest } from "./handler.ts";

type AnyRequest = Pick<HttpRequest, "headers">;

/** What was asked for by the requests that others took the place of, by those. */
const originals = new WeakMap<AnyRequest, AnyRequest>();

/** Says that a request is handed on in another's place: whatever is known of that one goes for it. */
export function standFor(standIn: AnyRequest, request: AnyRequest): void {
  originals.set(standIn, originalOf(request));
}

/** The request that a client sent, of one that may stand for it. */
export function originalOf(request: AnyRequest): AnyRequest {
  return originals.get(request) ?? request;
}
