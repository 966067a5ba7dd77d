import { openNatsStorage } from "../../../src/storage/nats/open.ts";
import type { JetStream } from "../../../src/storage/nats/jetstream.ts";
import type { NatsStorageOptions } from "../../../src/storage/nats/options.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import type { Clock } from "../../../src/env/clock.ts";
import { yieldToEventLoop } from "../event_loop.ts";
import { ManualClock } from "../manual_clock.ts";
import { passTime } from "./pass_time.ts";
import { type ClusterOptions, SimulatedCluster } from "./simulated_cluster.ts";
import { SimulatedJetStream } from "./simulated_jetstream.ts";

/** One front end under test. */
export interface TestFrontEnd {
  readonly storage: Storage;
  readonly jetStream: SimulatedJetStream;
  /** How often each call of the port was made since the test last cleared it. */
  readonly calls: Map<string, number>;
}

/** Front ends of one made-up cluster, and the time that they go by. */
export class FrontEnds {
  readonly clock = new ManualClock();
  readonly cluster: SimulatedCluster;
  readonly #open: Storage[] = [];

  constructor(options: Omit<ClusterOptions, "clock"> = {}) {
    this.cluster = new SimulatedCluster({ ...options, clock: this.clock });
  }

  /** One more front end; its clock may be another one. */
  async open(
    options: Omit<NatsStorageOptions, "jetStream"> = {},
    clock: Clock = this.clock,
  ): Promise<TestFrontEnd> {
    const jetStream = new SimulatedJetStream(this.cluster);
    const calls = new Map<string, number>();
    const storage = await openNatsStorage({
      random: () => 0.5,
      ...options,
      jetStream: counted(jetStream, calls),
      clock,
    });
    this.#open.push(storage);
    return { storage, jetStream, calls };
  }

  /** What a call comes to, while the time goes on. */
  within<T>(call: Promise<T>, stepMs = 10): Promise<T> {
    return passTime(this.clock, call, stepMs);
  }

  /** Lets all that needs no time happen. */
  async turns(count = 20): Promise<void> {
    for (let i = 0; i < count; i++) await yieldToEventLoop();
  }

  /** Moves the time on in steps, with all that happens on the way. */
  async pass(ms: number, stepMs = 1000): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(left, stepMs));
      await this.turns(3);
    }
    await this.turns();
  }

  async dispose(): Promise<void> {
    this.cluster.heal();
    await this.within(Promise.all(this.#open.map((storage) => storage.close())));
  }
}

/** A port whose calls are counted. */
function counted(jetStream: SimulatedJetStream, calls: Map<string, number>): JetStream {
  const count = (name: string) => calls.set(name, (calls.get(name) ?? 0) + 1);
  return {
    get isConnected() {
      return jetStream.isConnected;
    },
    get messageLimitBytes() {
      return jetStream.messageLimitBytes;
    },
    ensureLog: (config) => jetStream.ensureLog(config),
    publish: (message) => (count("publish"), jetStream.publish(message)),
    publishTogether: (messages) => (count("publishTogether"), jetStream.publishTogether(messages)),
    lastSequence: (log, subject) => (count("lastSequence"), jetStream.lastSequence(log, subject)),
    lastMessage: (log, subject) => (count("lastMessage"), jetStream.lastMessage(log, subject)),
    messages: (query) => (count("messages"), jetStream.messages(query)),
    watch: (log, subject, onStored, onGap) => jetStream.watch(log, subject, onStored, onGap),
    follow: (request, onMessage) => jetStream.follow(request, onMessage),
    purge: (log, subject, upTo) => (count("purge"), jetStream.purge(log, subject, upTo)),
    logEnd: (log) => (count("logEnd"), jetStream.logEnd(log)),
    call: (subject, payload, limitMs) => (
      count("call"), jetStream.call(subject, payload, limitMs)
    ),
    serve: (subject, handler) => jetStream.serve(subject, handler),
    syncSetting: () => jetStream.syncSetting(),
    close: () => jetStream.close(),
  };
}
