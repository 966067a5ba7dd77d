import type { NatsConnection, Subscription } from "@nats-io/transport-node";
import type { Clock } from "../../../env/clock.ts";
import type { StoredNotice } from "../jetstream.ts";
import type { LinkListener } from "./link.ts";
import { watchedSubject } from "./log_config.ts";
import { headersOf, numberHeader, ownHeaders } from "./wire_headers.ts";

/** Who watches one subject. */
interface Watch {
  readonly subject: string;
  readonly onStored: (notice: StoredNotice) => void;
  readonly onGap: () => void;
  subscription: Subscription | undefined;
}

/** By then the other servers know who watches what, too: the leader of a log may be any of them. */
const PROPAGATION_MS = 100;

/** The watched subjects, over all connections. */
export class Watches implements LinkListener {
  readonly #clock: Clock;
  readonly #watches = new Set<Watch>();
  /** Those whose subscription not all servers may know yet. */
  readonly #fresh = new Set<Watch>();
  #connection: NatsConnection | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What was stored while there was no connection nobody tells, nor what is stored just now elsewhere. */
  onUp(connection: NatsConnection): void {
    this.#connection = connection;
    for (const watch of [...this.#watches]) {
      unsubscribe(watch);
      this.#subscribe(watch, connection);
      watch.onGap();
    }
  }

  onDown(connection: NatsConnection): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    for (const watch of this.#watches) watch.subscription = undefined;
  }

  /** @returns what ends it */
  add(
    log: string,
    subject: string,
    onStored: (notice: StoredNotice) => void,
    onGap: () => void,
  ): () => void {
    const watch = {
      subject: watchedSubject(log, subject),
      onStored,
      onGap,
      subscription: undefined,
    };
    this.#watches.add(watch);
    if (this.#connection !== undefined) this.#subscribe(watch, this.#connection);
    return () => {
      this.#fresh.delete(watch);
      if (this.#watches.delete(watch)) unsubscribe(watch);
    };
  }

  /** Nobody is told any more. */
  stop(): void {
    this.#watches.clear();
    this.#fresh.clear();
    this.#cancelTimer?.();
  }

  #subscribe(watch: Watch, connection: NatsConnection): void {
    if (connection.isClosed()) return;
    subscribe(watch, connection);
    this.#fresh.add(watch);
    this.#cancelTimer ??= this.#clock.setTimer(PROPAGATION_MS, () => {
      this.#cancelTimer = undefined;
      const fresh = [...this.#fresh];
      this.#fresh.clear();
      for (const { onGap } of fresh) onGap();
    });
  }
}

function subscribe(watch: Watch, connection: NatsConnection): void {
  watch.subscription = connection.subscribe(watch.subject, {
    callback: (error, message) => {
      if (error !== null) return;
      const headers = headersOf(message);
      const sequence = numberHeader(headers, "Nats-Sequence");
      // What somebody else has published there tells of nothing.
      if (sequence === 0) return;
      const previousSequence = numberHeader(headers, "Nats-Last-Sequence");
      watch.onStored({ sequence, previousSequence, headers: ownHeaders(headers) });
    },
  });
}

function unsubscribe({ subscription }: Watch): void {
  if (subscription !== undefined && !subscription.isClosed()) subscription.unsubscribe();
}
