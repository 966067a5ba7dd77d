import type { Clock } from "../../../env/clock.ts";
import { literalPrefix, matches } from "../../../protocol/name_pattern.ts";
import type { ListPage, ListRequest } from "../../storage.ts";
import type {
  Acked,
  CreatedSubscription,
  Fence,
  LinkPage,
  RequestedAck,
  Step,
  SubscriptionInfo,
  SubscriptionPage,
  SubscriptionScope,
  SubscriptionSpec,
  Wake,
} from "../../subscription_store.ts";
import type { SubscriptionEntry } from "../../subscriptions/subscription_entry.ts";
import { FreshQuestion } from "../cluster/fresh_question.ts";
import type { Ids } from "../cluster/ids.ts";
import { pause } from "../cluster/pause.ts";
import { NameResolver, type ResolverParts } from "./name_resolver.ts";
import type { OwnerState } from "./owner_state.ts";
import type { SeenStreamState } from "./seen_streams.ts";

/** As many streams as a wake tells of, and one more that says that there are more. */
const PENDING_LIMIT = 1001;
/** As many as a page of links looks at. */
const LOOKS_LIMIT = 2000;
/** So many more than are asked for, since some may go meanwhile. */
const EXTRA_MATCHES = 100;
/** Names that aren't there yet are looked up again after so long, longer each time. */
const FIRST_RETRY_MS = 5;
const LAST_RETRY_MS = 2000;

/** What {@link OwnedSubscriptions} work on. */
export interface OwnedParts extends ResolverParts {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly state: OwnerState;
  /** As `Storage.list`. */
  list(request: ListRequest): Promise<ListPage>;
  /** A subscription may have become due. */
  onChange(id: number): void;
}

/** What is done with subscriptions, by their owner: what the engine looks at is made sure to be there before. */
export class OwnedSubscriptions {
  readonly state: OwnerState;
  readonly #parts: OwnedParts;
  readonly #resolver: NameResolver;
  readonly #caughtUp: FreshQuestion<void>;
  readonly #retries = new Map<number, number>();

  constructor(parts: OwnedParts) {
    this.#parts = parts;
    this.state = parts.state;
    this.#resolver = new NameResolver(parts, parts.state.streams);
    this.#caughtUp = new FreshQuestion(() => parts.state.caughtUp());
    this.state.engine.attach(parts.onChange);
    this.state.onWakeStream = (name) => void this.#awaitWakeStream(name);
  }

  async create(name: string, spec: SubscriptionSpec): Promise<CreatedSubscription> {
    const { state: { streams, engine, registry }, ids } = this.#parts;
    await this.state.follow();
    if (registry.find(name) === undefined) streams.reserveId(await ids.newId(0));
    await this.#caughtUp.ask();
    return await engine.create(name, spec);
  }

  get(name: string): Promise<SubscriptionInfo> {
    return this.state.engine.get(name);
  }

  async links(name: string, after: string | undefined, limit: number): Promise<LinkPage> {
    const { registry, engine } = this.state;
    const entry = registry.find(name);
    if (entry === undefined) return await engine.links(name, after, limit);
    await this.#resolver.load(entry.linksAfter(after ?? "", limit + 1));
    const close = await this.#openWindow(entry, after ?? "", limit);
    try {
      await this.#caughtUp.ask();
      return await engine.links(name, after, limit);
    } finally {
      close();
    }
  }

  scope(name: string): SubscriptionScope | undefined {
    return this.state.registry.find(name)?.scope;
  }

  list(
    after: string | undefined,
    limit: number,
    isShown?: (scope: SubscriptionScope) => boolean,
  ): Promise<SubscriptionPage> {
    return this.state.engine.list(after, limit, isShown);
  }

  async delete(name: string): Promise<void> {
    await this.#caughtUp.ask();
    await this.state.engine.delete(name);
  }

  async link(name: string, paths: readonly string[]): Promise<void> {
    await this.#caughtUp.ask();
    await this.state.engine.link(name, paths);
  }

  async unlink(name: string, path: string): Promise<void> {
    if (this.state.registry.find(name) !== undefined) await this.#resolver.load([path]);
    await this.#caughtUp.ask();
    await this.state.engine.unlink(name, path);
  }

  async claim(name: string, worker: string): Promise<Wake> {
    await this.#caughtUp.ask();
    await this.#resolvePending(this.state.registry.find(name));
    return await this.state.engine.claim(name, worker);
  }

  async ack(
    name: string,
    fence: Fence,
    acks: readonly RequestedAck[],
    done: boolean,
  ): Promise<Acked> {
    if (this.state.registry.find(name) !== undefined) {
      await this.#resolver.load(new Set(acks.map(({ path }) => path)));
    }
    await this.#caughtUp.ask();
    await this.#resolvePending(this.state.registry.find(name));
    return await this.state.engine.ack(name, fence, acks, done);
  }

  async release(name: string, fence: Fence): Promise<void> {
    await this.#resolvePending(this.state.registry.find(name));
    await this.state.engine.release(name, fence);
  }

  async retry(name: string): Promise<boolean> {
    await this.#caughtUp.ask();
    return await this.state.engine.retry(name);
  }

  async step(id: number, isLost: boolean, problem: string | undefined): Promise<Step> {
    const entry = this.state.registry.get(id);
    await this.#resolvePending(entry);
    const wakeStream = entry?.config.wakeStream;
    // Also one that is known: whether it is closed, a snapshot doesn't say.
    if (wakeStream !== undefined) await this.#resolver.load([wakeStream]);
    return await this.state.engine.step(id, isLost, problem);
  }

  delivered(id: number, wakeId: string, outcome: "done" | "accepted" | "failed"): Promise<void> {
    return this.state.engine.delivered(id, wakeId, outcome);
  }

  /** Looks up the names of a subscription's pending streams, as many as a wake tells of. */
  async #resolvePending(entry: SubscriptionEntry | undefined): Promise<void> {
    if (entry === undefined) return;
    const { streams, engine } = this.state;
    const unnamed: SeenStreamState[] = [];
    let usable = 0;
    for (const streamId of entry.cursors.keys()) {
      const stream = streams.summary(streamId);
      if (stream === undefined) continue;
      if (!stream.isNamed) unnamed.push(stream);
      if (++usable > PENDING_LIMIT) break;
    }
    if (unnamed.length === 0) {
      this.#retries.delete(entry.id);
      return;
    }
    const left = await this.#resolver.name(unnamed);
    for (const stream of left) {
      if (!this.#resolver.isForsaken(stream)) continue;
      engine.removed(stream, 1);
      streams.drop(stream);
    }
    if (left.length > 0) this.#lookAgain(entry.id);
    else this.#retries.delete(entry.id);
  }

  #lookAgain(id: number): void {
    const { clock, onChange } = this.#parts;
    const delayMs = this.#retries.get(id) ?? FIRST_RETRY_MS;
    this.#retries.set(id, Math.min(LAST_RETRY_MS, 2 * delayMs));
    clock.setTimer(delayMs, () => onChange(id));
  }

  /** Its first message was seen, and its name's record comes after that. */
  async #awaitWakeStream(name: string): Promise<void> {
    const { clock } = this.#parts;
    for (
      let delayMs = 0;
      delayMs < LAST_RETRY_MS;
      delayMs = Math.max(FIRST_RETRY_MS, 2 * delayMs)
    ) {
      if (delayMs > 0) await pause(clock, delayMs);
      try {
        await this.#resolver.load([name]);
      } catch {
        continue;
      }
      if (this.state.streams.find(name)?.lifecycle === "there") {
        return this.state.engine.created({ name });
      }
    }
  }

  /** Puts the streams that match a pattern where the engine looks for them. */
  async #openWindow(
    { pattern, config }: SubscriptionEntry,
    first: string,
    limit: number,
  ): Promise<() => void> {
    if (pattern === undefined) return () => {};
    const prefix = literalPrefix(pattern);
    const most = limit + EXTRA_MATCHES;
    const found: string[] = [];
    let matched = 0;
    let after: string | undefined = first;
    while (after !== undefined && found.length < LOOKS_LIMIT && matched < most) {
      const page: ListPage = await this.#parts.list({ prefix, after, limit: LOOKS_LIMIT / 4 });
      for (const { name } of page.streams) {
        found.push(name);
        if (matches(pattern, name) && name !== config.wakeStream) matched++;
      }
      after = page.next;
    }
    await this.#resolver.load(found);
    const { streams } = this.state;
    return streams.openWindow(
      { prefix, after: first },
      found.flatMap((name) => streams.find(name) ?? []),
    );
  }
}
