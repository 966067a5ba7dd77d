import { encodeUtf8 } from "../../protocol/bytes.ts";
import { ClientError } from "../errors/client_error.ts";
import { invalidArgument } from "../errors/invalid_argument.ts";
import { checkIntegers } from "../errors/option_checks.ts";
import type { CallOptions } from "../transport/call_options.ts";
import type { Connection, OutgoingRequest } from "../transport/connection.ts";
import { defined } from "../transport/defined.ts";
import { JsonFields } from "./json_fields.ts";
import type {
  AckOptions,
  Claim,
  CreatedSubscription,
  HeldWake,
  SubscriptionInfo,
  SubscriptionOptions,
} from "./options.ts";
import { subscriptionIn } from "./subscription_json.ts";
import { wakeStreamIn } from "./wake_stream.ts";

/** Codes of a claim's 409 that only mean that there is nothing to do (PROTOCOL §7.2). */
const NO_WORK = ["ALREADY_CLAIMED", "NO_PENDING_WORK"];

/** How a request differs from others, beside its options. */
type Sending = Partial<Pick<OutgoingRequest, "timeoutMs" | "retriedByCaller" | "attempt">>;

/**
 * One subscription of a server (PROTOCOL §6, §7).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createApp } from "../../server/app.ts";
 * import { createMemoryStorage } from "../../storage/memory.ts";
 * import { Client } from "../client.ts";
 * import { fetchTransport } from "../transport/transport.ts";
 *
 * const app = createApp({ storage: createMemoryStorage() });
 * const transport = fetchTransport({ fetch: (url, init) => app.request(url, init) });
 * const client = new Client("http://localhost/v1/stream", { transport });
 * await client.create("wakes", { contentType: "application/json" });
 *
 * const subscription = client.subscription("jobs");
 * await subscription.create({ pattern: "jobs/*", wakeStream: "wakes" });
 * assert(await subscription.claim("worker-1") === undefined);
 *
 * await client.create("jobs/7", { contentType: "text/plain", initialData: "do it" });
 * const claim = await subscription.claim("worker-1");
 * assert(claim?.streams[0]?.path === "jobs/7");
 * const acks = claim.streams.map(({ path, tailOffset }) => ({ path, offset: tailOffset }));
 * assert(!(await subscription.ack(claim, { acks, done: true })).nextWake);
 * ```
 */
export class Subscription {
  readonly id: string;
  readonly #connection: Connection;

  /** @throws {ClientError} `invalid_argument` */
  constructor(connection: Connection, id: string) {
    connection.urls.ofSubscription(id);
    this.id = id;
    this.#connection = connection;
  }

  /**
   * Creates it, unless it exists with the same configuration (PROTOCOL §6.2).
   *
   * @throws {ClientError} `conflict` if it exists with another; `bad_request` if the server rejects a field
   */
  async create(options: SubscriptionOptions): Promise<CreatedSubscription> {
    const { pattern, streams, webhookUrl, wakeStream, leaseMs, description } = options;
    checkIntegers(options, ["leaseMs"], 1_000, 600_000);
    if ((webhookUrl === undefined) === (wakeStream === undefined)) {
      const given = webhookUrl === undefined ? "neither is" : "both are";
      throw new ClientError(
        "invalid_argument",
        `Of webhookUrl and wakeStream ${given} given: expected one of the two.`,
      );
    }
    const url = this.#connection.urls.ofSubscription(this.id);
    const body = defined({
      type: webhookUrl === undefined ? "pull-wake" : "webhook",
      pattern,
      streams,
      webhook: webhookUrl === undefined ? undefined : { url: webhookUrl },
      wake_stream: wakeStream,
      lease_ttl_ms: leaseMs,
      description,
    });
    return await this.#connection.adding(options).request(
      { ...jsonRequest(url, body, options), method: "PUT" },
      ({ status, body }) => ({
        ...subscriptionIn(JsonFields.parse(body)),
        created: status === 201,
      }),
    );
  }

  /**
   * Its configuration and its streams (PROTOCOL §6.3).
   *
   * @throws {ClientError} `not_found`
   */
  async get(options: CallOptions = {}): Promise<SubscriptionInfo> {
    const url = this.#connection.urls.ofSubscription(this.id);
    return await this.#connection.adding(options).request(
      { method: "GET", url, signal: options.signal, repeatable: true },
      ({ body }) => subscriptionIn(JsonFields.parse(body)),
    );
  }

  /**
   * Deletes it; its streams stay (PROTOCOL §6.3).
   *
   * @throws {ClientError} `not_found`
   */
  async delete(options: CallOptions = {}): Promise<void> {
    const url = this.#connection.urls.ofSubscription(this.id);
    try {
      await this.#connection.adding(options)
        .send({ method: "DELETE", url, signal: options.signal, repeatable: true });
    } catch (error) {
      // If a repeated request finds none, its first attempt may have deleted it.
      if (!isMissing(error) || !error.repeated) throw error;
    }
  }

  /**
   * Adds streams; what they hold already doesn't wake (PROTOCOL §6.4).
   *
   * @throws {ClientError} `not_found`
   */
  async link(paths: readonly string[], options: CallOptions = {}): Promise<void> {
    const url = this.#connection.urls.ofSubscription(this.id, "streams");
    await this.#connection.adding(options).send(jsonRequest(url, { streams: paths }, options));
  }

  /**
   * Removes a stream that was added; the pattern may still match it (PROTOCOL §6.4).
   *
   * @throws {ClientError} `not_found` if there is no such subscription
   */
  async unlink(path: string, options: CallOptions = {}): Promise<void> {
    const url = this.#connection.urls.ofSubscription(this.id, "streams", path);
    await this.#connection.adding(options)
      .send({ method: "DELETE", url, signal: options.signal, repeatable: true });
  }

  /**
   * Takes the wake that is due, for a worker of this name (PROTOCOL §7.2); `undefined` if nothing is
   * pending or another worker has it. `client.worker` does this, and all that follows.
   *
   * @throws {ClientError} `not_found`; `bad_request` if it is a webhook's
   */
  async claim(worker: string, options: CallOptions & Sending = {}): Promise<Claim | undefined> {
    const url = this.#connection.urls.ofSubscription(this.id, "claim");
    try {
      return await this.#connection.adding(options).request(
        jsonRequest(url, { worker }, options),
        ({ body }) => claimIn(JsonFields.parse(body)),
      );
    } catch (error) {
      if (error instanceof ClientError && NO_WORK.includes(error.serverCode ?? "")) {
        return undefined;
      }
      throw error;
    }
  }

  /**
   * Acknowledges what was processed, and keeps the wake or ends it (PROTOCOL §7.1, §7.2).
   *
   * @param wake a claim; or what `verifyWebhook` gave, unless the webhook is answered with `{"done": true}`
   * @throws {ClientError} `fenced` if the wake is another's by now; `conflict` for an offset behind the
   *   last one or beyond the tail
   */
  async ack(wake: HeldWake, options: AckOptions & Sending = {}): Promise<{ nextWake: boolean }> {
    const { acks = [], done = false } = options;
    for (const { offset } of acks) {
      if (offset.includes("/")) throw invalidArgument("The offset", offset, "one of the server's");
    }
    const isWebhook = "callbackToken" in wake;
    const url = this.#connection.urls.ofSubscription(this.id, isWebhook ? "callback" : "ack");
    const body = {
      ...credentials(wake),
      acks: acks.map(({ path, offset }) => ({ stream: path, offset })),
      done,
    };
    return await this.#connection.adding(options).request(
      withToken(jsonRequest(url, body, options), isWebhook ? wake.callbackToken : wake.token),
      ({ body }) => ({ nextWake: JsonFields.parse(body).flag("next_wake") }),
    );
  }

  /**
   * Gives a wake back unprocessed; it comes again (PROTOCOL §7.2).
   *
   * @throws {ClientError} `fenced` if it is another's by now
   */
  async release(claim: Claim, options: CallOptions & Sending = {}): Promise<void> {
    const url = this.#connection.urls.ofSubscription(this.id, "release");
    await this.#connection.adding(options)
      .send(withToken(jsonRequest(url, credentials(claim), options), claim.token));
  }
}

function claimIn(fields: JsonFields): Claim {
  return {
    wakeId: fields.text("wake_id"),
    generation: fields.integer("generation"),
    token: fields.text("token"),
    streams: fields.objects("streams").map(wakeStreamIn),
    leaseMs: fields.integer("lease_ttl_ms"),
  };
}

/** Repeating any of them does no harm. A claim whose answer got lost is over with its lease in any case. */
function jsonRequest(
  url: string,
  body: unknown,
  { signal, timeoutMs, retriedByCaller, attempt }: CallOptions & Sending,
): OutgoingRequest {
  return {
    method: "POST",
    url,
    headers: { "content-type": "application/json" },
    body: encodeUtf8(JSON.stringify(body)),
    signal,
    repeatable: true,
    ...defined({ timeoutMs, retriedByCaller, attempt }),
  };
}

function withToken(request: OutgoingRequest, token: string): OutgoingRequest {
  return { ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } };
}

function credentials({ wakeId, generation }: HeldWake) {
  return { wake_id: wakeId, generation };
}

function isMissing(error: unknown): error is ClientError {
  return error instanceof ClientError && error.code === "not_found";
}
