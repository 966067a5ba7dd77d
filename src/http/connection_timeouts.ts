/** Where a connection is, as far as it matters for how long its client may take. */
export type WaitingFor = "answer" | "head" | "next request" | "its end";

/** How long a client may take, in looks at it. */
export interface TimeoutLimits {
  /** For a head, from its first byte on, with the empty lines before it. */
  readonly headTicks: number;
  /** Without a byte in either direction, where nobody waits for an answer. */
  readonly idleTicks: number;
  /** To close a connection that is at its end, while it sends nothing. */
  readonly quietEndTicks: number;
  /** To close a connection that is at its end, whatever it sends. */
  readonly endTicks: number;
}

/** What is to be done with a client that has taken too long. */
export type TimeoutAction = "refuse its head" | "leave" | "terminate" | undefined;

/** How far what goes to a client has come. */
export interface SendProgress {
  /** What the system has taken so far. */
  readonly sentBytes: number;
  /** What it has no room for yet. */
  readonly queuedBytes: number;
  /** What it has taken and the client hasn't; 0 where that can't be told. */
  readonly heldBytes: number;
}

/** Counts how long a client keeps its connection waiting: who takes bytes or sends a request is not idle. */
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

  /** A byte came, or an answer went. */
  noteActivity(): void {
    this.#idle = 0;
  }

  /** A request's head is here. */
  headEnded(): void {
    this.#head = 0;
  }

  /** Looks at it once more. */
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
      case "answer":
        return undefined;
      case "head":
        return ++this.#head > headTicks ? "refuse its head" : undefined;
      case "next request":
        return this.#idle > idleTicks ? "leave" : undefined;
      case "its end":
        if (isSending) return undefined;
        return this.#idle > quietEndTicks || ++this.#end > endTicks ? "terminate" : undefined;
    }
  }
}
