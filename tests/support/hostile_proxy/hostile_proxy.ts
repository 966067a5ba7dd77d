import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { type Clock, systemClock } from "../../../src/env/clock.ts";
import { whenAborted } from "./when_aborted.ts";
import { SharedCache } from "./shared_cache.ts";
import { ResponseWriter } from "./response_writer.ts";
import { FaultyExchange, type Shared } from "./faulty_exchange.ts";
import type { Fault } from "./fault.ts";
import { type Exchange, ExchangeLog, type ProxyRequest } from "./exchange_log.ts";
import { Reordering } from "./reordering.ts";
import { OpenSockets } from "./open_sockets.ts";
import { framingOf, type Head, readAll, WireError, WireReader } from "./wire.ts";

/** Says what happens to a request; where it waits, the request waits. */
export type Decide = (request: ProxyRequest) => Fault | Promise<Fault>;

/** What a hostile proxy is made with. */
export interface HostileProxyOptions {
  /** Asked for every request; all pass where it isn't given. */
  readonly decide?: Decide;
  /** What delays, limits and the cache's ages go by; the machine's. */
  readonly clock?: Clock;
}

/**
 * An HTTP/1.1 proxy in front of one server, which does to each request what it is told to. A request is
 * read whole before anything happens to it. Client connections are kept alive; the server gets each
 * request over a connection of its own.
 */
export class HostileProxy {
  /** Asked for every request from now on. */
  decide: Decide;
  /** The server's origin from now on: one that was started again may have moved. */
  upstream: string;
  readonly #server: Server;
  readonly #log = new ExchangeLog();
  readonly #closing = new AbortController();
  readonly #shared: Shared;
  readonly #connections = new Set<Promise<void>>();
  readonly #errors: unknown[] = [];

  /** For {@link startHostileProxy}. */
  constructor(upstream: string, { decide, clock = systemClock }: HostileProxyOptions) {
    this.upstream = upstream;
    this.decide = decide ?? (() => ({ kind: "pass" }));
    this.#shared = {
      clock,
      sockets: new OpenSockets(),
      cache: new SharedCache(clock),
      reordering: new Reordering(),
      closing: this.#closing.signal,
      upstream: () => this.upstream,
    };
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#shared.sockets.add(socket);
      const served = this.#serve(socket)
        .catch((error: unknown) => void this.#errors.push(error))
        .finally(() => {
          socket.destroy();
          this.#connections.delete(served);
        });
      this.#connections.add(served);
    });
  }

  /** Where clients reach it: `http://127.0.0.1:PORT`. */
  get origin(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("It doesn't listen.");
    return `http://127.0.0.1:${address.port}`;
  }

  /** What was asked and what was done to it, in the order in which the requests came. */
  get exchanges(): readonly Exchange[] {
    return this.#log.exchanges;
  }

  /** The first exchange that fits, as soon as there is one; rejects when the proxy is closed before. */
  until(test: (exchange: Exchange) => boolean): Promise<Exchange> {
    return this.#log.until(test);
  }

  /** For {@link startHostileProxy}. */
  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  /** Ends every connection on both sides. Throws what {@link decide} threw, the first of it. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#closing.abort();
    await this.#shared.sockets.closeAll();
    await Promise.all(this.#connections);
    // A connection that was just being served may have asked the server since.
    await this.#shared.sockets.closeAll();
    await closed;
    this.#log.close();
    if (this.#errors.length > 0) throw this.#errors[0];
  }

  /** {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What is left to do with a request that nobody has decided when the proxy closes. */
  #closed(): Promise<Fault> {
    const signal = this.#closing.signal;
    return new Promise((resolve) => whenAborted(signal, () => resolve({ kind: "refuse" })));
  }

  async #serve(socket: Socket): Promise<void> {
    const reader = new WireReader(socket);
    while (!reader.disconnected.aborted) {
      const request = await readRequest(reader);
      if (request === undefined) return;
      await this.#exchange(socket, reader.disconnected, request);
    }
  }

  async #exchange(
    socket: Socket,
    gone: AbortSignal,
    request: Omit<ProxyRequest, "index" | "pathIndex">,
  ): Promise<void> {
    const record = this.#log.add(request);
    const over = AbortSignal.any([gone, this.#closing.signal]);
    const writer = new ResponseWriter(socket, over, record);
    try {
      const fault = await Promise.race([this.decide(record.request), this.#closed()]);
      record.change({ fault });
      await new FaultyExchange(this.#shared, record, writer, over).run(fault);
    } catch (error) {
      writer.reset();
      throw error;
    }
  }
}

/** Starts a {@link HostileProxy} in front of the server of this origin, on a port of its own. */
export async function startHostileProxy(
  upstreamOrigin: string,
  options: HostileProxyOptions = {},
): Promise<HostileProxy> {
  const proxy = new HostileProxy(upstreamOrigin, options);
  await proxy.listen();
  return proxy;
}

/** The next request; undefined where the client sends no whole one any more. */
async function readRequest(
  reader: WireReader,
): Promise<Omit<ProxyRequest, "index" | "pathIndex"> | undefined> {
  try {
    const head = await reader.head();
    if (head === undefined) return undefined;
    const body = await readAll(reader.body(framingOf(head.fields, 0)));
    return { ...parseHead(head), body };
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function parseHead(
  { startLine, fields }: Head,
): Omit<ProxyRequest, "index" | "pathIndex" | "body"> {
  const [, method, target] = /^(\S+) (\/\S*) HTTP\/1\.1$/.exec(startLine) ?? [];
  if (method === undefined || target === undefined) {
    throw new WireError(`${JSON.stringify(startLine)} is no request of HTTP/1.1.`);
  }
  const query = target.indexOf("?");
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  return {
    method,
    target,
    path: query < 0 ? target : target.slice(0, query),
    query: new URLSearchParams(query < 0 ? "" : target.slice(query + 1)),
    headers,
  };
}
