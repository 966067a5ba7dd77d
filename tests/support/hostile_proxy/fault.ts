/** What a hostile proxy can do to one request and its answer. Times are in ms of the proxy's clock. */
export type Fault =
  | { readonly kind: "pass" }
  /** Resets the connection; the server never hears of the request. */
  | { readonly kind: "refuse" }
  /** The server does the whole request; then the connection is reset without a byte of answer. */
  | { readonly kind: "drop-answer" }
  /** Answers by itself; the server never hears of the request. */
  | ({ readonly kind: "status" } & OwnResponse)
  /** The server does the whole request; the answer is this one, as of a gateway that timed out. */
  | ({ readonly kind: "status-after" } & OwnResponse)
  /** Passes the head as it is and so many bytes of the body, then resets the connection. */
  | { readonly kind: "cut-body"; readonly afterBytes: number }
  /** Passes so many bytes of the body, then ends it as if that were all: nobody can tell. */
  | { readonly kind: "end-body"; readonly afterBytes: number }
  | Delay
  /** The server gets the request twice, one after the other; the second answer goes out. */
  | { readonly kind: "duplicate"; readonly answer?: "first" | "second" }
  | Buffering
  /** Leaves these fields of the answer out; in any case of letters. */
  | { readonly kind: "strip-headers"; readonly names: readonly string[] }
  /** A shared cache in front of the server: see `SharedCache`. */
  | { readonly kind: "cache" }
  | Reorder
  /** Never answers, until the client leaves or the proxy closes; the server may have done it. */
  | { readonly kind: "hang"; readonly isForwarded?: boolean };

/** What a fault is called. */
export type FaultKind = Fault["kind"];

/** An answer that is the proxy's own. */
export interface OwnResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Empty where it isn't given. */
  readonly body?: string;
}

/** Everything passes, late or in pieces. */
export interface Delay {
  readonly kind: "delay";
  /** How long the request waits; a write goes on even when its client has left meanwhile. */
  readonly requestMs?: number;
  /** How long the answer waits. */
  readonly responseMs?: number;
  /** The most bytes of the body that go out at once: each piece is an HTTP chunk of its own. */
  readonly bytesPerPiece?: number;
  /** How long each piece but the first waits. */
  readonly pieceMs?: number;
}

/** The body is held back, as proxies do to SSE. */
export interface Buffering {
  readonly kind: "buffer";
  /** It is passed on in portions of at least so many bytes; where it isn't given, all at the end. */
  readonly untilBytes?: number;
  /** Whether the head waits for the first portion, too. */
  readonly holdsHead?: boolean;
}

/**
 * The request waits until the server has answered a later one of the same method and path. Of two in
 * a row the second isn't held: they change places.
 */
export interface Reorder {
  readonly kind: "reorder";
  /** How long it waits for a later one at most; 100. */
  readonly limitMs?: number;
}
