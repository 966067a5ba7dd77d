import { encodeErrorBody } from "./error_body.ts";
import type { HttpResponse } from "./handler.ts";

/** A request that can't be served as HTTP: the connection ends with the response. */
export class ParseError extends Error {
  override readonly name = "ParseError";
  readonly status: 400 | 408 | 417 | 431 | 501 | 505;

  constructor(status: ParseError["status"], message: string) {
    super(message);
    this.status = status;
  }

  /** The response to the client. */
  toResponse(): HttpResponse {
    return {
      status: this.status,
      headers: {
        "content-type": "application/json",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "connection": "close",
      },
      body: encodeErrorBody("malformed_request", this.message),
    };
  }
}
