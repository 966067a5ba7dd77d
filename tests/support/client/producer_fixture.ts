import { deepStrictEqual as equal, ok, rejects } from "node:assert";
import { Client } from "../../../src/client/client.ts";
import {
  ClientError,
  type ClientErrorCode,
  type Undelivered,
} from "../../../src/client/errors/client_error.ts";
import type { Producer } from "../../../src/client/producer/producer.ts";
import type { ProducerOptions } from "../../../src/client/producer/options.ts";
import { fetchTransport } from "../../../src/client/transport/transport.ts";
import { Fixture } from "../fixture.ts";
import { yieldToEventLoop } from "../event_loop.ts";
import { ManualClock } from "../manual_clock.ts";
import { ScriptedTransport } from "./scripted_transport.ts";

/** A producer's server in memory, and what lies between them. */
export class ProducerFixture {
  readonly server: Fixture;
  readonly transport: ScriptedTransport;
  /** The producer's; the server's own stands still. */
  readonly clock = new ManualClock();
  readonly client: Client;

  constructor(server = new Fixture()) {
    this.server = server;
    const plain = fetchTransport({
      fetch: (url, init) => server.app.request(url, init),
      clock: this.clock,
    });
    this.transport = new ScriptedTransport(plain);
    this.client = new Client("http://localhost/v1/stream", {
      transport: this.transport.send,
      clock: this.clock,
      random: () => 1,
    });
  }

  /** A producer of the stream `s`, which the test has made; text that waits until it is flushed. */
  producer(options: Partial<ProducerOptions> = {}): Producer {
    return this.client.producer("s", {
      id: "p",
      contentType: "text/plain",
      lingerMs: Infinity,
      ...options,
    });
  }

  /** Lets everything run that doesn't wait for the clock, then moves it, so often. */
  async pass(ms: number, times = 1): Promise<void> {
    for (let i = 0; i < times; i++) {
      await drainEventLoop();
      this.clock.advance(ms);
    }
    await drainEventLoop();
  }

  /** What a promise comes to, moving the clock as long as it waits. */
  async outcome<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = () => {
      isSettled = true;
    };
    promise.then(settled, settled);
    for (let turns = 0; !isSettled; turns++) {
      ok(turns < 2_000, "it still waits after 2,000 s");
      await this.pass(1_000);
    }
    return await promise;
  }
}

/** Lets everything run that doesn't wait for the clock. */
export async function drainEventLoop(): Promise<void> {
  for (let turns = 0; turns < 8; turns++) await yieldToEventLoop();
}

/** The call fails of this; the error. */
export async function failed(
  call: Promise<unknown>,
  code: ClientErrorCode,
  says = /./,
  undelivered?: Undelivered,
): Promise<ClientError> {
  let failure: ClientError | undefined;
  await rejects(call, (error) => {
    ok(error instanceof ClientError, `a ClientError was expected, not ${error}`);
    equal(error.code, code, error.message);
    ok(says.test(error.message), `${error.message} doesn't match ${says}`);
    if (undelivered !== undefined) equal(error.undelivered, undelivered);
    failure = error;
    return true;
  });
  ok(failure !== undefined);
  return failure;
}
