import type { Bytes } from "../../../src/protocol/bytes.ts";
import {
  type Follower,
  type FollowRequest,
  type JetStream,
  JetStreamError,
  type LogConfig,
  type MessagesQuery,
  type NewMessage,
  type PublishOutcome,
  type StoredMessage,
  type StoredNotice,
  type SyncSetting,
} from "../../../src/storage/nats/jetstream.ts";
import { closedGate, type Delay, type Gate, wait } from "./delay.ts";
import type { PublishFault, ReadFault } from "./faults.ts";
import type { SimulatedCluster } from "./simulated_cluster.ts";
import { type FollowerConnection, plain, SimulatedFollower } from "./simulated_follower.ts";
import type { SimulatedLog, StoredListener } from "./simulated_log.ts";

/** What a server takes together. */
const MOST_TOGETHER = 1000;
const LOST = new Promise<never>(() => {});

/** One front end's connection to a made-up cluster. */
export class SimulatedJetStream implements JetStream {
  readonly #cluster: SimulatedCluster;
  readonly #number: number;
  /** What is under way, and has to hear of the connection's end. */
  readonly #underWay = new Set<() => void>();
  readonly #gaps = new Set<() => void>();
  readonly #unlisten = new Set<() => void>();
  readonly #followers = new Set<SimulatedFollower>();
  #disconnected: Gate | undefined;
  #stalled: Gate | undefined;
  #isClosed = false;
  #isKilled = false;

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster;
    this.#number = cluster.nextFrontEnd();
  }

  get isConnected(): boolean {
    return this.#disconnected === undefined && !this.#isClosed;
  }

  get messageLimitBytes(): number {
    return this.#cluster.messageLimitBytes;
  }

  ensureLog(config: LogConfig): Promise<void> {
    return this.#ask(config.name, "ensureLog", () => {
      if (!this.#cluster.hasQuorum) throw new JetStreamError("unavailable", "There is no quorum.");
      this.#cluster.makeLog(config);
    });
  }

  publish(message: NewMessage): Promise<PublishOutcome> {
    return this.#publish([message]);
  }

  publishTogether(messages: readonly NewMessage[]): Promise<PublishOutcome> {
    return this.#publish(messages);
  }

  lastSequence(log: string, subject: string): Promise<number> {
    return this.#ask(
      subject,
      "lastSequence",
      () => this.#cluster.leaderOf(log).leader.newest(subject, this.#nowMs())?.sequence ?? 0,
    );
  }

  lastMessage(log: string, subject: string): Promise<StoredMessage | undefined> {
    return this.#ask(subject, "lastMessage", () => {
      const newest = this.#cluster.leaderOf(log).leader.newest(subject, this.#nowMs());
      return newest && plain(newest);
    });
  }

  messages(query: MessagesQuery): Promise<StoredMessage[]> {
    return this.#ask(query.subject, "messages", (fault) => {
      const log = query.byLeader === true
        ? this.#cluster.leaderOf(query.log)
        : this.#cluster.logOf(query.log);
      const isChosen = fault?.kind === "replica";
      const number = isChosen
        ? fault.replica
        : query.byLeader === true
        ? 0
        : this.#cluster.random.below(log.config.replicas);
      const found: StoredMessage[] = [];
      let bytes = 0;
      const { subject, fromSequence, limit, limitBytes } = query;
      for (const message of log.replica(number).from(subject, fromSequence, this.#nowMs())) {
        bytes += message.payload.length;
        if (found.length > 0 && (found.length >= limit || bytes > limitBytes)) break;
        found.push(plain(message));
      }
      return found;
    });
  }

  watch(
    log: string,
    subject: string,
    onStored: (notice: StoredNotice) => void,
    onGap: () => void,
  ): () => void {
    let isOver = false;
    let lastAtMs = 0;
    const tell = async (notice: StoredNotice) => {
      const { clock } = this.#cluster;
      // One after the other, in their order.
      lastAtMs = Math.max(clock.nowMs() + this.#cluster.draw("noticeMs"), lastAtMs);
      await wait(clock, lastAtMs - clock.nowMs());
      await this.#running();
      if (!isOver && this.isConnected) onStored(notice);
    };
    const listener: StoredListener = (of, notice) => {
      if (of !== subject || isOver || !this.isConnected) return;
      if (this.#cluster.isNoticeLost(this, subject)) this.#note(`notice of ${subject} lost`);
      else void tell(notice);
    };
    const unlisten = this.#listen(log, listener);
    const gap = () => onGap();
    this.#gaps.add(gap);
    const end = () => {
      isOver = true;
      this.#gaps.delete(gap);
      this.#unlisten.delete(end);
      unlisten();
    };
    this.#unlisten.add(end);
    return end;
  }

  follow(
    request: FollowRequest,
    onMessage: (message: StoredMessage) => Promise<void> | void,
  ): Follower {
    const connection: FollowerConnection = {
      nowMs: () => this.#nowMs(),
      connected: () => this.#connected(),
      delivered: async () => {
        await wait(this.#cluster.clock, this.#cluster.draw("noticeMs"));
        await this.#running();
      },
    };
    const follower = new SimulatedFollower(
      this.#cluster.logOf(request.log),
      request,
      onMessage,
      connection,
    );
    this.#followers.add(follower);
    return follower;
  }

  purge(log: string, subject: string, upToSequence: number): Promise<void> {
    return this.#ask(subject, "purge", () => {
      const { draw, quorum } = this.#quorum();
      return this.#cluster.leaderOf(log).purge(subject, upToSequence, draw(), quorum);
    });
  }

  logEnd(log: string): Promise<number> {
    return this.#ask(log, "logEnd", () => this.#cluster.leaderOf(log).lastSequence);
  }

  call(subject: string, payload: Bytes, timeoutMs: number): Promise<Bytes> {
    const { clock } = this.#cluster;
    return this.#ask(subject, "call", async () => {
      const handler = this.#cluster.served.get(subject);
      if (handler === undefined) throw new JetStreamError("unserved", "Nobody serves it.");
      const late = Promise.withResolvers<never>();
      const cancel = clock.setTimer(timeoutMs, () => {
        late.reject(new JetStreamError("unavailable", `No answer within ${timeoutMs} ms.`));
      });
      try {
        // What the handler rejects with isn't seen by who asks.
        const answer = handler(payload.slice()).catch(() => LOST);
        return (await Promise.race([answer, late.promise])).slice();
      } finally {
        cancel();
      }
    });
  }

  serve(subject: string, handler: (payload: Bytes) => Promise<Bytes>): () => void {
    const { served } = this.#cluster;
    const serving = async (payload: Bytes) => {
      if (this.#isKilled || !this.isConnected) return await LOST;
      const answer = await handler(payload);
      return this.#isKilled || !this.isConnected ? await LOST : answer;
    };
    served.set(subject, serving);
    const end = () => {
      this.#unlisten.delete(end);
      if (served.get(subject) === serving) served.delete(subject);
    };
    this.#unlisten.add(end);
    return end;
  }

  syncSetting(): Promise<SyncSetting> {
    return Promise.resolve(this.#cluster.sync);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#end();
    await Promise.all([...this.#followers].map((follower) => follower.stop()));
  }

  /** The connection is lost: what is under way is unknown, and notices are missed. */
  disconnect(): void {
    if (this.#disconnected !== undefined || this.#isClosed) return;
    this.#note("disconnected");
    this.#disconnected = closedGate();
    this.#interrupt();
  }

  /** It is there again. */
  reconnect(): void {
    const gate = this.#disconnected;
    if (gate === undefined || this.#isClosed) return;
    this.#note("connected");
    this.#disconnected = undefined;
    gate.open();
    this.#whenRunning(() => {
      for (const gap of [...this.#gaps]) gap();
    });
  }

  /** The front end stands still: it hears nothing, as a stopped process does, until it goes on. */
  stall(): void {
    if (this.#stalled !== undefined || this.#isClosed) return;
    this.#note("stalled");
    this.#stalled = closedGate();
  }

  /** It goes on, and hears all that has come meanwhile. */
  resume(): void {
    const gate = this.#stalled;
    this.#stalled = undefined;
    gate?.open();
  }

  /** The front end dies: nothing that it waits for is ever answered, and nothing calls it any more. */
  kill(): void {
    this.#note("killed");
    this.#isKilled = true;
    this.#isClosed = true;
    this.#underWay.clear();
    this.#end();
    for (const follower of this.#followers) follower.abandon();
  }

  #end(): void {
    this.#interrupt();
    this.#gaps.clear();
    for (const end of [...this.#unlisten]) end();
  }

  #interrupt(): void {
    const underWay = [...this.#underWay];
    this.#underWay.clear();
    for (const interrupt of underWay) interrupt();
  }

  #publish(messages: readonly NewMessage[]): Promise<PublishOutcome> {
    const [first] = messages;
    if (first === undefined) return Promise.resolve(rejected("There is no message."));
    if (!this.isConnected) {
      return this.#isKilled ? LOST : Promise.resolve(unavailable("There is no connection."));
    }
    const wrong = this.#whatIsWrong(messages, first.log);
    if (wrong !== undefined) return Promise.resolve(rejected(wrong));
    const fault = this.#cluster.publishFault(this, first.subject);
    const what = `publish ${messages.map(({ subject }) => subject).join(" ")}` +
      ` after ${first.expectedSequence}${fault === undefined ? "" : `, ${fault.kind}`}`;
    this.#note(what);
    return this.#answered(
      this.#deliver(messages.slice(), first.log, fault),
      answerDelivery(fault),
      what,
    );
  }

  /** The answer, unless it is too late for it or the connection has ended. */
  #answered(
    answer: Promise<PublishOutcome>,
    delivery: AnswerDelivery,
    what: string,
  ): Promise<PublishOutcome> {
    return new Promise((resolve) => {
      const { clock, times } = this.#cluster;
      let cancel = () => {};
      let isSettled = false;
      const settle = (outcome: PublishOutcome) => {
        cancel();
        this.#underWay.delete(interrupt);
        if (this.#isKilled || isSettled) return;
        isSettled = true;
        this.#note(`  ${what}: ${JSON.stringify(outcome)}`);
        this.#whenRunning(() => resolve(outcome));
      };
      const interrupt = () => settle(unknown("The connection was lost."));
      this.#underWay.add(interrupt);
      if (times.answerLimitMs > 0) {
        cancel = clock.setTimer(times.answerLimitMs, () => settle(unknown("No answer in time.")));
      } else if (delivery === "never") {
        void Promise.resolve().then(() => settle(unknown("No answer.")));
      }
      void answer.then((outcome) => {
        if (delivery === "comes") settle(outcome);
        else if (delivery === "lost" && times.answerLimitMs === 0) settle(unknown("No answer."));
      });
    });
  }

  async #deliver(
    messages: readonly NewMessage[],
    logName: string,
    fault: PublishFault | undefined,
  ): Promise<PublishOutcome> {
    const cluster = this.#cluster;
    const { clock } = cluster;
    await wait(clock, fault?.kind === "arrives_late" ? fault.after : cluster.draw("requestMs"));
    await wait(clock, heldAt(fault, "request"));
    if (fault?.kind === "message_lost") return LOST;
    const outcome = await this.#atLeader(messages, logName, fault);
    await wait(clock, heldAt(fault, "answer"));
    await wait(clock, cluster.draw("answerMs"));
    return outcome;
  }

  async #atLeader(
    messages: readonly NewMessage[],
    logName: string,
    fault: PublishFault | undefined,
  ): Promise<PublishOutcome> {
    const cluster = this.#cluster;
    const log = cluster.log(logName);
    if (log === undefined) return unavailable(`There is no log ${logName}.`);
    if (cluster.refusesPublishes || fault?.kind === "unavailable") {
      return unavailable("There is no quorum.");
    }
    await cluster.quorum();
    if (fault?.kind === "refused") return { kind: "refused", lastSequence: undefined };
    if (fault?.kind === "full") return { kind: "full", reason: "There is no room." };
    if (fault?.kind === "rejected") return rejected("It isn't liked.");
    const commit = fault?.kind === "committed_late" ? fault.after : heldAt(fault, "commit");
    const { draw, quorum } = this.#quorum();
    const outcome = await log.propose(messages, () => commit === 0 ? draw() : commit, quorum);
    if (outcome.kind === "stored") {
      for (const at of messages.keys()) cluster.maybeDamage(log, outcome.sequence - at);
      this.#note(`stored ${outcome.sequence} for ${messages[0]?.subject}`);
    }
    return outcome;
  }

  #quorum(): { draw: () => number; quorum: () => Promise<void> } {
    const cluster = this.#cluster;
    return { draw: () => cluster.draw("commitMs"), quorum: () => cluster.quorum() };
  }

  /** A question and its answer, each of which takes its time. */
  async #ask<T>(
    subject: string,
    what: string,
    answer: (fault: ReadFault | undefined) => T | Promise<T>,
  ): Promise<T> {
    if (this.#isKilled) return await LOST;
    if (!this.isConnected) throw noConnection();
    const cluster = this.#cluster;
    const fault = cluster.readFault(this, subject);
    const asked = async () => {
      await wait(cluster.clock, cluster.draw("requestMs"));
      if (fault?.kind === "held" && fault.at === "request") await wait(cluster.clock, fault.until);
      if (fault?.kind === "unavailable") throw new JetStreamError("unavailable", "No answer.");
      const found = await answer(fault);
      if (fault?.kind === "held" && fault.at === "answer") await wait(cluster.clock, fault.until);
      await wait(cluster.clock, cluster.draw("answerMs"));
      return found;
    };
    return await new Promise<T>((resolve, reject) => {
      const interrupt = () => {
        if (!this.#isKilled) this.#whenRunning(() => reject(noConnection()));
      };
      this.#underWay.add(interrupt);
      const settle = (run: () => void) => {
        this.#underWay.delete(interrupt);
        if (!this.#isKilled) this.#whenRunning(run);
      };
      asked().then(
        (found) => settle(() => resolve(found)),
        (error: unknown) =>
          settle(() => {
            this.#note(`${what} ${subject}: ${String(error)}`);
            reject(error);
          }),
      );
    });
  }

  #listen(logName: string, listener: StoredListener): () => void {
    const log: SimulatedLog = this.#cluster.logOf(logName);
    if (!log.config.isWatched) return () => {};
    log.stored.add(listener);
    return () => log.stored.delete(listener);
  }

  #whatIsWrong(messages: readonly NewMessage[], logName: string): string | undefined {
    if (messages.length > MOST_TOGETHER) return `${messages.length} messages are too many.`;
    const log = this.#cluster.log(logName);
    for (const { log: name, subject, payload, ttlSeconds } of messages) {
      if (name !== logName) return "The messages are of several logs.";
      if (log !== undefined && !log.has(subject)) return `${name} has no subject ${subject}.`;
      if (payload.length > this.messageLimitBytes) return `${payload.length} bytes are too many.`;
      if (ttlSeconds !== undefined && !(Number.isInteger(ttlSeconds) && ttlSeconds > 0)) {
        return `${ttlSeconds} is no whole number of seconds.`;
      }
    }
    return undefined;
  }

  async #connected(): Promise<void> {
    while (this.#disconnected !== undefined) await this.#disconnected.opened;
  }

  async #running(): Promise<void> {
    while (this.#stalled !== undefined) await this.#stalled.opened;
  }

  #whenRunning(run: () => void): void {
    if (this.#stalled === undefined) run();
    else void this.#running().then(() => this.#isKilled ? undefined : run());
  }

  #nowMs(): number {
    return this.#cluster.clock.nowMs();
  }

  #note(line: string): void {
    this.#cluster.note(`front end ${this.#number}: ${line}`);
  }
}

/** What becomes of an answer: it is lost on its way, or nobody waits for it. */
type AnswerDelivery = "comes" | "lost" | "never";

function answerDelivery(fault: PublishFault | undefined): AnswerDelivery {
  switch (fault?.kind) {
    case "answer_lost":
      return "lost";
    case "message_lost":
    case "arrives_late":
    case "committed_late":
      return "never";
    default:
      return "comes";
  }
}

function heldAt(fault: PublishFault | undefined, at: "request" | "commit" | "answer"): Delay {
  return fault?.kind === "held" && fault.at === at ? fault.until : 0;
}

function noConnection(): JetStreamError {
  return new JetStreamError("unavailable", "There is no connection.");
}

function unknown(reason: string): PublishOutcome {
  return { kind: "unknown", reason };
}

function unavailable(reason: string): PublishOutcome {
  return { kind: "unavailable", reason };
}

function rejected(reason: string): PublishOutcome {
  return { kind: "rejected", reason };
}
