import { ok } from "node:assert/strict";
import {
  WebhookDeliveryError,
  type WebhookRequest,
  type WebhookResponse,
  type WebhookTransport,
} from "../../src/subscriptions/webhooks/transport.ts";

/** What an endpoint does with a request: its answer, or `hang`, until the request is aborted. */
export type Reply =
  | { readonly status: number; readonly body?: string }
  | "hang"
  | "refuse"
  | Promise<{ readonly status: number; readonly body?: string }>;

/** What an endpoint does with each request. */
export type Script = (request: WebhookRequest, number: number) => Reply;

/** The usual answer of a worker that is quick. */
export const DONE: Reply = { status: 200, body: '{"done":true}' };

/** The usual answer of a worker that calls back later. */
export const ACCEPTED: Reply = { status: 202 };

/** Takes webhooks instead of the network, and answers them as a test says. */
export class ScriptedTransport implements WebhookTransport {
  readonly requests: WebhookRequest[] = [];
  /** How many are under way. */
  inFlight = 0;
  mostInFlight = 0;
  aborted = 0;
  script: Script;

  constructor(script: Script = () => ACCEPTED) {
    this.script = script;
  }

  /** The newest request. */
  last(): WebhookRequest {
    const request = this.requests.at(-1);
    ok(request !== undefined, "the endpoint was asked");
    return request;
  }

  async send(request: WebhookRequest): Promise<WebhookResponse> {
    this.requests.push(request);
    this.inFlight++;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    try {
      const reply = this.script(request, this.requests.length);
      if (reply === "refuse") {
        throw new WebhookDeliveryError("network", "The connection is refused.");
      }
      const abort = this.#aborted(request.signal);
      const { status, body = "" } = await (reply === "hang" ? abort : Promise.race([reply, abort]));
      return { status, body: new TextEncoder().encode(body) };
    } finally {
      this.inFlight--;
    }
  }

  #aborted(signal: AbortSignal): Promise<never> {
    return new Promise((_, reject) => {
      const abort = () => {
        this.aborted++;
        reject(new WebhookDeliveryError("aborted", "The delivery is aborted."));
      };
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
    });
  }
}
