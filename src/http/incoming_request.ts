import type { Bytes } from "../protocol/bytes.ts";
import type { AbortSignalLike, HttpRequest, Peer } from "./handler.ts";
import type { IncomingBody } from "./incoming_body.ts";
import type { HeadFields, RequestHead } from "./request_head.ts";

/** A request as it comes from a connection. */
export class IncomingRequest implements HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: HeadFields;
  readonly whole: Bytes | undefined;
  readonly fileBody = "slice";
  readonly body: IncomingBody | null;
  readonly peer: Peer;
  #signal: ClientAbortSignal | undefined;

  /**
   * @param whole the body, where all of it is here
   * @param incoming the body, where it is still to come
   * @param peer asked only for what somebody wants to know
   */
  constructor(
    head: RequestHead,
    url: string,
    whole: Bytes | undefined,
    incoming: IncomingBody | undefined,
    peer: Peer,
  ) {
    this.method = head.method;
    this.url = url;
    this.headers = head.headers;
    this.whole = whole;
    this.body = incoming ?? null;
    this.peer = peer;
  }

  peerAddress(): string {
    return this.peer.peerAddress;
  }

  get signal(): AbortSignalLike {
    return this.#signal ??= new ClientAbortSignal();
  }

  /** Aborted when the client disconnects; `undefined` where nobody has asked. */
  get signalIfUsed(): ClientAbortSignal | undefined {
    return this.#signal;
  }
}

/** The part of an `AbortSignal` that is used; making a real one for each request would cost far more. */
export class ClientAbortSignal implements AbortSignalLike {
  aborted = false;
  #listeners: (() => void)[] = [];

  addEventListener(_type: "abort", listener: () => void): void {
    this.#listeners.push(listener);
  }

  removeEventListener(_type: "abort", listener: () => void): void {
    this.#listeners = this.#listeners.filter((each) => each !== listener);
  }

  /** The client has disconnected. */
  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    for (const listener of this.#listeners.splice(0)) listener();
  }
}
