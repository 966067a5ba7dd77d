import type { HttpResponse } from "../../http/handler.ts";
import type { Bytes } from "../../protocol/bytes.ts";

/** A request about subscriptions as it goes to the thread that has them. */
export interface ForwardedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Bytes;
  /** What follows `__ds/` in its URL. */
  readonly path: string;
}

/** Brings a request to the thread that has the subscriptions, and its response back. */
export type ForwardControl = (request: ForwardedRequest) => Promise<HttpResponse>;
