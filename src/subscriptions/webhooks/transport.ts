import type { Bytes } from "../../protocol/bytes.ts";

/** A delivery: a POST of `body`. */
export interface WebhookRequest {
  /** As it was given when the subscription was created: it is checked again at each delivery. */
  readonly url: string;
  /** Beside `host` and `content-length`, which the transport sets. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Bytes;
  /** Ends the delivery, also one that has been answered in part. */
  readonly signal: AbortSignal;
}

/** The whole answer to a delivery, a redirect as it came. */
export interface WebhookResponse {
  readonly status: number;
  readonly body: Bytes;
}

/** How webhooks are delivered; tests give a scripted endpoint instead. */
export interface WebhookTransport {
  /**
   * Sends one delivery and reads the answer, of whatever status.
   *
   * @throws {WebhookDeliveryError} where there is no whole answer
   */
  send(request: WebhookRequest): Promise<WebhookResponse>;
}

/** Why there was no whole answer to a delivery. */
export type DeliveryFailure =
  | "rejected_url"
  | "rejected_address"
  | "connect_timeout"
  | "aborted"
  | "response_too_large"
  | "network";

/** A delivery without a whole answer. Its message is for a log: it has no URL in it. */
export class WebhookDeliveryError extends Error {
  override readonly name = "WebhookDeliveryError";
  readonly reason: DeliveryFailure;

  constructor(reason: DeliveryFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
