/** Where a connection is, as far as it matters for how long its client may take. */
export type WaitingFor = "response" | "head" | "next request" | "its end";

/** How long a client may take, in ticks. */
export interface TimeoutLimits {
  /** For a head, from its first byte on, with the empty lines before it. */
  readonly headTicks: number;
  /** Without a byte in either direction, where nobody waits for a response. */
  readonly idleTicks: number;
  /** To close a connection that is at its end, while it sends nothing. */
  readonly quietEndTicks: number;
  /** To close a connection that is at its end, whatever it sends. */
  readonly endTicks: number;
}

/** The action against a client that has taken too long. */
export type TimeoutAction = "reject its head" | "close" | "terminate" | undefined;

/** How far the bytes for a client have got. */
export interface SendProgress {
  /** How much the system has taken so far. */
  readonly sentBytes: number;
  /** How much it has no room for yet. */
  readonly queuedBytes: number;
  /** How much it has taken and the client hasn't; 0 where that isn't known. */
  readonly heldBytes: number;
}

/** Counts how long a client keeps its connection waiting: one that takes bytes or sends a request isn't idle. */
export class ConnectionTimeouts {
  readonly #limits: TimeoutLimits;
  /** Since a byte came. */
  #idle = 0;
  /** Since the client took a byte, where there are some for it. */
  #stalled = 0;
  #head = 0;
  #end = 0;
  #takenBytes = 0;

  constructor(limits: TimeoutLimits) {
    this.#limits = limits;
  }

  /** A byte came, or a response went. */
  noteActivity(): void {
    this.#idle = 0;
  }

  /** A request's head is here. */
  headEnded(): void {
    this.#head = 0;
  }

  /** Counts one more tick. */
  tick(waitsFor: WaitingFor, { sentBytes, queuedBytes, heldBytes }: SendProgress): TimeoutAction {
    const { headTicks, idleTicks, quietEndTicks, endTicks } = this.#limits;
    const isSending = queuedBytes + heldBytes > 0;
    const takenBytes = sentBytes - heldBytes;
    this.#idle++;
    this.#stalled++;
    if (!isSending || takenBytes > this.#takenBytes) this.#stalled = 0;
    if (takenBytes > this.#takenBytes) {
      this.#idle = 0;
      this.#end = 0;
    }
    this.#takenBytes = takenBytes;
    if (this.#stalled > idleTicks) return "terminate";
    switch (waitsFor) {
      case "response":
        return undefined;
      case "head":
        return ++this.#head > headTicks ? "reject its head" : undefined;
      case "next request":
        return this.#idle > idleTicks ? "close" : undefined;
      case "its end":
        if (isSending) return undefined;
        return this.#idle > quietEndTicks || ++this.#end > endTicks ? "terminate" : undefined;
    }
  }
}
