import type { Clock } from "../env/clock.ts";
import type {
  Acked,
  CreatedSubscription,
  LinkPage,
  RequestedAck,
  SubscriptionInfo,
  SubscriptionPage,
  SubscriptionScope,
  SubscriptionSpec,
  SubscriptionStore,
  Wake,
} from "../storage/subscription_store.ts";
import { quote, StreamError } from "../protocol/errors.ts";
import { sendWake } from "./delivery.ts";
import { type DeliveryFailure, type DeliveryMeasures, Dispatcher } from "./dispatcher.ts";
import { checkTokenName, type TokenUse, verifyToken } from "./tokens.ts";
import { createWakeToken } from "./wake_token.ts";
import type { JwkSet, Rotation, SigningKeys } from "./webhooks/signing_keys.ts";
import { checkWebhookUrl, type TargetRules } from "./webhooks/target_url.ts";
import type { WebhookTransport } from "./webhooks/transport.ts";
import type { Tracer } from "../tracing/tracer.ts";

/** What a {@link SubscriptionService} works on. */
export interface SubscriptionServiceParts extends TargetRules {
  readonly store: SubscriptionStore;
  readonly keys: SigningKeys;
  readonly clock: Clock;
  readonly transport: WebhookTransport;
  /** How many webhooks may be under way at once. */
  readonly maxDeliveries: number;
  /** Why what was subscribed may not be followed any more; it may always unless this is given. */
  readonly whyNoWake?: WakeCheck | undefined;
  /** Told of deliveries; nobody unless this is given. */
  readonly tracer?: Pick<Tracer, "delivery"> | undefined;
}

/** Says why no wake may be made of what a subscription follows, if one may not. It doesn't throw. */
export type WakeCheck = (
  scope: SubscriptionScope,
) => string | undefined | Promise<string | undefined>;

/** A claim's answer: the wake and the token to ack it with (PROTOCOL §7.2). */
export interface Claimed extends Wake {
  readonly token: string;
}

/** What a worker sends to show that it has a wake (PROTOCOL §7.3). */
export interface Credentials {
  readonly token: string;
  readonly use: TokenUse;
  readonly generation: number;
  readonly wakeId: string;
}

/**
 * Subscriptions as clients and workers see them (PROTOCOL §6, §7): the storage's, with the keys, tokens
 * and deliveries that belong to them.
 */
export class SubscriptionService {
  readonly #parts: SubscriptionServiceParts;
  readonly #dispatcher: Dispatcher;

  constructor(parts: SubscriptionServiceParts) {
    this.#parts = parts;
    const { whyNoWake } = parts;
    this.#dispatcher = new Dispatcher({
      ...parts,
      problemOf: whyNoWake === undefined
        ? undefined
        : (id) => this.#problemOf(parts.store.nameOf(id), whyNoWake),
      send: (wake, signal) => sendWake(wake, parts, signal),
    });
  }

  /** Begins to deliver. */
  start(): void {
    this.#dispatcher.start();
  }

  /** As {@link Dispatcher.measures}. */
  get deliveries(): DeliveryMeasures {
    return this.#dispatcher.measures;
  }

  /** Ends all deliveries; the next start makes up for them. */
  stop(): void {
    this.#dispatcher.stop();
  }

  /** @throws {StreamError} `webhook_url_rejected`, `subscription_exists`, `too_many_subscriptions` */
  async create(name: string, spec: SubscriptionSpec): Promise<CreatedSubscription> {
    if (spec.webhookUrl !== undefined) checkWebhookUrl(spec.webhookUrl, this.#parts);
    return await this.#parts.store.create(name, spec);
  }

  /** @throws {StreamError} `subscription_not_found` */
  get(name: string): Promise<SubscriptionInfo> {
    return this.#parts.store.get(name);
  }

  /** @throws {StreamError} `subscription_not_found` */
  links(name: string, after: string | undefined, limit: number): Promise<LinkPage> {
    return this.#parts.store.links(name, after, limit);
  }

  /** What it follows, as of now; `undefined` where there is none of that name. */
  scope(name: string): ReturnType<SubscriptionStore["scope"]> {
    return this.#parts.store.scope(name);
  }

  /** Some of all subscriptions, of those that are shown. */
  list(
    after: string | undefined,
    limit: number,
    isShown?: (scope: SubscriptionScope) => boolean,
  ): Promise<SubscriptionPage> {
    return this.#parts.store.list(after, limit, isShown);
  }

  /** @throws {StreamError} `subscription_not_found` */
  delete(name: string): Promise<void> {
    return this.#parts.store.delete(name);
  }

  /** @throws {StreamError} `subscription_not_found`, `invalid_subscription` */
  link(name: string, paths: readonly string[]): Promise<void> {
    return this.#parts.store.link(name, paths);
  }

  /** @throws {StreamError} `subscription_not_found` */
  unlink(name: string, path: string): Promise<void> {
    return this.#parts.store.unlink(name, path);
  }

  /** @throws {StreamError} `subscription_not_found`, `already_claimed`, `no_pending_work`, `forbidden` */
  async claim(name: string, worker: string): Promise<Claimed> {
    const { whyNoWake } = this.#parts;
    const problem = whyNoWake === undefined ? undefined : await this.#problemOf(name, whyNoWake);
    if (problem !== undefined) {
      throw new StreamError(
        { code: "forbidden" },
        `The subscription ${quote(name)} can't be claimed: ${problem}.`,
      );
    }
    const wake = await this.#parts.store.claim(name, worker);
    const { tokenSecret } = this.#parts.keys;
    return { ...wake, token: createWakeToken(tokenSecret, wake.subscription, "claim") };
  }

  /** @throws {StreamError} `subscription_not_found`, `token_invalid`, `token_expired`, `fenced`, `invalid_ack` */
  async ack(
    name: string,
    credentials: Credentials,
    acks: readonly RequestedAck[],
    done: boolean,
  ): Promise<Acked> {
    const fence = await this.#fence(name, credentials);
    return await this.#parts.store.ack(name, fence, acks, done);
  }

  /** @throws {StreamError} `subscription_not_found`, `token_invalid`, `token_expired`, `fenced` */
  async release(name: string, credentials: Credentials): Promise<void> {
    await this.#parts.store.release(name, await this.#fence(name, credentials));
  }

  /**
   * Has what waits for its time tried now; false where nothing waits.
   *
   * @throws {StreamError} `subscription_not_found`
   */
  retry(name: string): Promise<boolean> {
    return this.#parts.store.retry(name);
  }

  /** Why a subscription isn't delivered; `undefined` where it is, or another process does that. */
  lastFailure(id: number): DeliveryFailure | undefined {
    return this.#dispatcher.lastFailure(id);
  }

  /** The public keys that webhooks are signed with (PROTOCOL §6.5). */
  jwks(): JwkSet {
    return this.#parts.keys.jwks();
  }

  /** The key that signs now. */
  activeKid(): string {
    return this.#parts.keys.active().kid;
  }

  /** @throws {StreamError} `key_rotation_pending` */
  rotate(): Promise<Rotation> {
    return this.#parts.keys.rotate();
  }

  /** @throws {StreamError} `token_invalid` for one of no subscription of this name, be it there or not */
  checkTokenName(name: string, token: string): void {
    checkTokenName(this.#parts.keys.tokenSecret, token, name);
  }

  #problemOf(name: string | undefined, whyNoWake: WakeCheck): ReturnType<WakeCheck> {
    const found = name === undefined ? undefined : this.#parts.store.scope(name);
    const judge = (scope: SubscriptionScope | undefined) => scope && whyNoWake(scope);
    return found instanceof Promise ? found.then(judge) : judge(found);
  }

  async #fence(name: string, { token, use, generation, wakeId }: Credentials) {
    const { store, keys, clock } = this.#parts;
    const { id } = await store.get(name);
    const nowMs = clock.nowMs();
    const claims = verifyToken(keys.tokenSecret, token, { subscription: { id, name }, use, nowMs });
    const said = { generation: claims.generation, wakeId: claims.wakeId, subscriptionId: id };
    return { token: said, generation, wakeId };
  }
}
