/** Where a connection is, as far as it matters for how long its client may take. */
export type WaitsFor = "answer" | "head" | "next request" | "its end";

/** How long a client may take, in looks at it. */
export interface PatienceLimits {
  /** For a head, from its first byte on, with the empty lines before it. */
  readonly headSweeps: number;
  /** Without a byte in either direction, where nobody waits for an answer. */
  readonly idleSweeps: number;
  /** To close a connection that is at its end, while it sends nothing. */
  readonly quietEndSweeps: number;
  /** To close a connection that is at its end, whatever it sends. */
  readonly endSweeps: number;
}

/** What is to be done with a client that has taken too long. */
export type Verdict = "refuse its head" | "leave" | "terminate" | undefined;

/** How far what goes to a client has come. */
export interface Sending {
  /** What the system has taken so far. */
  readonly sentBytes: number;
  /** What it has no room for yet. */
  readonly queuedBytes: number;
  /** What it has taken and the client hasn't; 0 where that can't be told. */
  readonly heldBytes: number;
}

/** Counts how long a client keeps its connection waiting: who takes bytes or sends a request is not idle. */
export class Patience {
  readonly #limits: PatienceLimits;
  /** Since a byte came. */
  #quiet = 0;
  /** Since the client took a byte, where there are some for it. */
  #untaken = 0;
  #head = 0;
  #end = 0;
  #takenBytes = 0;

  constructor(limits: PatienceLimits) {
    this.#limits = limits;
  }

  /** A byte came, or an answer went. */
  moved(): void {
    this.#quiet = 0;
  }

  /** A request's head is here. */
  headEnded(): void {
    this.#head = 0;
  }

  /** Looks at it once more. */
  sweep(waitsFor: WaitsFor, { sentBytes, queuedBytes, heldBytes }: Sending): Verdict {
    const { headSweeps, idleSweeps, quietEndSweeps, endSweeps } = this.#limits;
    const isSending = queuedBytes + heldBytes > 0;
    const takenBytes = sentBytes - heldBytes;
    this.#quiet++;
    this.#untaken++;
    if (!isSending || takenBytes > this.#takenBytes) this.#untaken = 0;
    if (takenBytes > this.#takenBytes) {
      this.#quiet = 0;
      this.#end = 0;
    }
    this.#takenBytes = takenBytes;
    if (this.#untaken > idleSweeps) return "terminate";
    switch (waitsFor) {
      case "answer":
        return undefined;
      case "head":
        return ++this.#head > headSweeps ? "refuse its head" : undefined;
      case "next request":
        return this.#quiet > idleSweeps ? "leave" : undefined;
      case "its end":
        if (isSending) return undefined;
        return this.#quiet > quietEndSweeps || ++this.#end > endSweeps ? "terminate" : undefined;
    }
  }
}
