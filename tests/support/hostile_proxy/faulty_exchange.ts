import type { Clock } from "../../../src/env/clock.ts";
import { whenAborted } from "./when_aborted.ts";
import { firstBytes, inPieces, inPortions, only } from "./body.ts";
import type { SharedCache } from "./shared_cache.ts";
import type { ResponseWriter } from "./response_writer.ts";
import type { Buffering, Delay, Fault, Reorder } from "./fault.ts";
import type { ExchangeRecord } from "./exchange_log.ts";
import type { Reordering } from "./reordering.ts";
import { finish, type ProxyResponse, sendUpstream } from "./upstream.ts";
import type { OpenSockets } from "./open_sockets.ts";
import { readAll, WireError } from "./wire.ts";

const REORDER_LIMIT_MS = 100;

/** What all exchanges of a proxy share. */
export interface Shared {
  readonly clock: Clock;
  readonly sockets: OpenSockets;
  readonly cache: SharedCache;
  readonly reordering: Reordering;
  /** Aborted when the proxy closes. */
  readonly closing: AbortSignal;
  /** Where the server is now. */
  readonly upstream: () => string;
}

/**
 * One request and what is done to it. Once it is decided, a write runs to its end even when its client
 * has left: on a real network, too, it arrives late. A GET or HEAD ends with its client.
 */
export class FaultyExchange {
  readonly #shared: Shared;
  readonly #record: ExchangeRecord;
  readonly #writer: ResponseWriter;
  readonly #disconnected: AbortSignal;
  /** Aborted when there is no reason to go on. */
  readonly #signal: AbortSignal;

  /** @param gone aborted when nobody waits for the answer any more */
  constructor(shared: Shared, record: ExchangeRecord, writer: ResponseWriter, gone: AbortSignal) {
    this.#shared = shared;
    this.#record = record;
    this.#writer = writer;
    const isRead = ["GET", "HEAD"].includes(record.request.method);
    this.#disconnected = gone;
    this.#signal = isRead ? gone : shared.closing;
  }

  /** Does what was decided. What goes wrong on the wire ends the exchange; nothing of it is thrown. */
  async run(fault: Fault): Promise<void> {
    try {
      await this.#do(fault);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      if (this.#record.now.sentStatus !== undefined || this.#disconnected.aborted) {
        this.#writer.reset();
      } else await this.#writer.own({ status: 502, body: `${error.message}\n` });
    }
  }

  async #do(fault: Fault): Promise<void> {
    switch (fault.kind) {
      case "pass":
        return await this.#relay(await this.#forward());
      case "refuse":
        return this.#writer.reset();
      case "drop-answer":
        await finish(await this.#forward());
        return this.#writer.reset();
      case "status":
        return await this.#writer.own(fault);
      case "status-after":
        await finish(await this.#forward());
        return await this.#writer.own(fault);
      case "cut-body":
        return await this.#cut(fault.afterBytes);
      case "end-body": {
        const answer = await this.#forward();
        const body = firstBytes(answer.body, fault.afterBytes);
        return await this.#relay({ ...answer, framing: "chunked", body });
      }
      case "delay":
        return await this.#delay(fault);
      case "duplicate":
        if (fault.answer === "first") return await this.#relayFirst();
        await finish(await this.#forward());
        return await this.#relay(await this.#forward());
      case "buffer":
        return await this.#buffer(fault);
      case "strip-headers": {
        const names = fault.names.map((name) => name.toLowerCase());
        const answer = await this.#forward();
        const fields = answer.fields.filter(([name]) => !names.includes(name));
        const framing = names.includes("content-length") ? "chunked" : answer.framing;
        return await this.#relay({ ...answer, fields, framing });
      }
      case "cache": {
        const { use, response } = await this.#shared.cache.respond(
          this.#record.request,
          (forWhom) => this.#forward(forWhom === "client" ? this.#signal : this.#shared.closing),
        );
        this.#record.change({ cacheUse: use });
        return await this.#relay(response);
      }
      case "reorder":
        await this.#reorder(fault);
        return await this.#relay(await this.#forward());
      case "hang":
        if (fault.isForwarded) await finish(await this.#forward());
        await new Promise<void>((resolve) => whenAborted(this.#disconnected, resolve));
        return this.#writer.reset();
    }
  }

  async #forward(signal = this.#signal): Promise<ProxyResponse> {
    const { upstream, sockets, reordering } = this.#shared;
    const { request } = this.#record;
    const answer = await sendUpstream(
      upstream(),
      request,
      sockets,
      signal,
      () => this.#record.forwarded(),
    );
    this.#record.serverResponded(answer.status);
    reordering.responded(request);
    return answer;
  }

  async #relay(answer: ProxyResponse): Promise<void> {
    try {
      await this.#writer.relay(answer);
    } finally {
      answer.hangUp();
    }
  }

  async #cut(afterBytes: number): Promise<void> {
    const answer = await this.#forward();
    try {
      await this.#writer.begin(answer);
      for await (const piece of firstBytes(answer.body, afterBytes)) {
        await this.#writer.piece(piece);
      }
    } finally {
      answer.hangUp();
    }
    this.#writer.reset();
  }

  async #delay({ requestMs, responseMs, bytesPerPiece, pieceMs }: Delay): Promise<void> {
    await this.#pause(requestMs);
    const answer = await this.#forward();
    await this.#pause(responseMs);
    if (bytesPerPiece === undefined) return await this.#relay(answer);
    const body = inPieces(answer.body, bytesPerPiece, () => this.#pause(pieceMs));
    await this.#relay({ ...answer, framing: "chunked", body });
  }

  async #buffer({ untilBytes = Infinity, holdsHead = false }: Buffering): Promise<void> {
    const answer = await this.#forward();
    const portions = inPortions(answer.body, untilBytes);
    if (!holdsHead) return await this.#relay({ ...answer, body: portions });
    const first = await portions.next();
    const body = async function* () {
      if (!first.done) yield first.value;
      yield* portions;
    };
    await this.#relay({ ...answer, body: body() });
  }

  async #reorder({ limitMs = REORDER_LIMIT_MS }: Reorder): Promise<void> {
    await this.#shared.reordering.hold(
      this.#record.request,
      (until) => this.#pause(limitMs, until),
    );
  }

  /** Sends the request again once it is done, and then gives what it was answered first. */
  async #relayFirst(): Promise<void> {
    const first = await this.#forward();
    const bytes = await readAll(first.body);
    await finish(await this.#forward());
    await this.#relay({ ...first, body: only(bytes) });
  }

  /** Waits; throws {@link WireError} where there is no reason to go on. `until` ends the wait early. */
  #pause(delayMs = 0, until?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (delayMs === 0) return resolve();
      const forget = whenAborted(this.#signal, () => {
        cancel();
        reject(new WireError("The exchange was given up while it waited."));
      });
      const cancel = this.#shared.clock.setTimer(delayMs, () => {
        forget();
        resolve();
      });
      if (until === undefined) return;
      whenAborted(until, () => {
        forget();
        cancel();
        resolve();
      });
    });
  }
}
