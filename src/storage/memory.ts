import { type Clock, systemClock } from "../env/clock.ts";
import { StreamError } from "../protocol/errors.ts";
import type { Admission } from "./admission.ts";
import { StreamEngine } from "./engine.ts";
import { showEffects } from "./journal.ts";
import { MemoryExpiry } from "./memory/expiry.ts";
import { MemoryJournal } from "./memory/journal.ts";
import { MemoryStreams } from "./memory/streams.ts";
import { MemoryBlocks } from "./memory/blocks.ts";
import { NO_CHECKPOINTS, NO_LOG } from "./measures.ts";
import type { StorageStatus } from "./status.ts";
import { OffsetSpaces } from "./offset_spaces.ts";
import type { Quota, QuotaOptions } from "./quota_account.ts";
import { Quotas } from "./quotas.ts";
import { type RetentionRule, RetentionRules } from "./retention_rules.ts";
import type { Storage } from "./storage.ts";
import type { Stream } from "./stream.ts";
import { SubscriptionEngine } from "./subscriptions/engine.ts";
import { SubscriptionRegistry } from "./subscriptions/registry.ts";
import { MemorySnapshots } from "./memory/snapshots.ts";
import { MemorySecrets } from "./memory/secrets.ts";
import { newWakeId } from "./subscriptions/wake_id.ts";
import { yieldToEventLoop } from "./yield_to_event_loop.ts";

/** Options of {@link createMemoryStorage}. */
export interface MemoryStorageOptions {
  /** How many producers a stream may have; 10,000. */
  maxProducersPerStream?: number;
  /** How many subscriptions there may be; 10,000. */
  maxSubscriptions?: number;
  /** How much may be stored below patterns of names; no limit unless it is given. */
  quotas?: readonly QuotaOptions[];
  /** How much is kept of streams by patterns of their names; all unless it is given. */
  retention?: readonly RetentionRule[];
  /** Where the time comes from. */
  clock?: Clock;
}

/**
 * A storage that keeps its streams in this process's memory, and only there.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createMemoryStorage } from "./memory.ts";
 *
 * const storage = createMemoryStorage();
 * await storage.create("greetings", { contentType: "text/plain" });
 * await storage.append("greetings", { contentType: "text/plain", body: new TextEncoder().encode("hello") });
 * const { data } = await storage.read("greetings", 0, 1024);
 * assert(new TextDecoder().decode(data) === "hello");
 * await storage.close();
 * ```
 */
export function createMemoryStorage(options: MemoryStorageOptions = {}): Storage {
  const clock = options.clock ?? systemClock;
  const streams = new MemoryStreams();
  const quotas = new Quotas(options.quotas ?? []);
  // Where all that is written is refused for want of room, what is over has to make room all the same.
  const admission = new OpenUntilClosed(() => !quotas.isNone && expiry.check());
  const journal = new MemoryJournal((effects) => {
    showEffects(effects);
    expiry.check();
  });
  const identity = crypto.randomUUID().slice(0, 8);
  const spaces = new OffsetSpaces(identity, streams);
  const ports = { clock, admission, journal, streams, spaces };
  const snapshots = new MemorySnapshots();
  const registry = new SubscriptionRegistry();
  const subscriptions = new SubscriptionEngine({
    ...ports,
    registry,
    secrets: new MemorySecrets(),
    maxSubscriptions: options.maxSubscriptions ?? 10_000,
    append: (name, request) => engine.append(name, request),
    newWakeId,
    random: Math.random,
  });
  const engine: StreamEngine<Stream> = new StreamEngine<Stream>({
    ...ports,
    identity,
    kind: "memory",
    subscriptions,
    snapshots,
    maxProducersPerStream: options.maxProducersPerStream ?? 10_000,
    blocks: new MemoryBlocks(),
    quotas,
    retention: {
      isSupported: true,
      compacts: false,
      rules: new RetentionRules(options.retention ?? []),
      loaded: () => streams.all(),
      pause: yieldToEventLoop,
    },
    countQuotas: (added) => countStored(quotas, added, streams),
    onExpiring: (stream) => expiry.schedule(stream),
    status: () => statusOf(streams),
    measure: (commands) => ({
      commands,
      log: NO_LOG,
      checkpointDurationSeconds: NO_CHECKPOINTS,
      dirtyStreams: 0,
      // Only who asks for it pays for a look at each of them.
      get subscriptions() {
        return registry.measure(clock.nowMs());
      },
    }),
    close: () => {
      admission.close();
      expiry.stop();
      streams.clear();
      snapshots.clear();
      return Promise.resolve();
    },
  });
  const expiry = new MemoryExpiry({ clock, streams, expire: (ids) => engine.expire(ids) });
  return engine;
}

/** All at once: there are no more than memory holds. */
function countStored(quotas: Quotas, added: readonly Quota[], streams: MemoryStreams): void {
  const count = { includes: () => true };
  quotas.beginCount(count, added);
  for (const { name, heldBytes, keptSnapshot } of streams.all()) {
    quotas.countStored(count, { name, bytes: heldBytes + (keptSnapshot?.bytes ?? 0) });
  }
  quotas.endCount(count);
}

/** There is always room. */
class OpenUntilClosed implements Admission {
  readonly #onAsked: () => void;
  #isClosed = false;

  /** @param onAsked called for each command that writes or deletes */
  constructor(onAsked: () => void) {
    this.#onAsked = onAsked;
  }

  admit(): undefined {
    this.#onAsked();
    if (this.#isClosed) throw new StreamError({ code: "storage_closed" }, "The storage is closed.");
  }

  checkUnadmitted(): void {}

  close(): void {
    this.#isClosed = true;
  }
}

function statusOf(streams: MemoryStreams): StorageStatus {
  const figures = {
    loadedStreams: streams.size,
    openFiles: 0,
    logBytes: 0,
    queuedBytes: 0,
    checkpoints: 0,
    failedCheckpoints: 0,
    damagedStreams: 0,
    damagedSubscriptions: 0,
  };
  return { state: "ok", figures };
}
