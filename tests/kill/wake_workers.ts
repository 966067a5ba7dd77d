import { equal, ok } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { attempt, type KilledServer } from "./killed_server.ts";
import { Progress, type WokenStream } from "./progress.ts";

const IDLE_MS = 20;

/** A wake as a worker has it. */
interface Wake {
  wake_id: string;
  generation: number;
  streams: WokenStream[];
}

/** Sends JSON with a wake's token. */
async function send(server: KilledServer, path: string, token: string, body: unknown) {
  const answer = await attempt(server, `__ds/subscriptions/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
  if (answer === undefined) return undefined;
  const text = new TextDecoder().decode(answer.body);
  return { status: answer.status, text, code: /"code":"(\w+)"/.exec(text)?.[1] };
}

function ackOf({ wake_id, generation, streams }: Wake, done: boolean) {
  const acks = streams.map(({ path, tail_offset }) => ({ stream: path, offset: tail_offset }));
  return { wake_id, generation, acks, done };
}

/** A webhook that is sent the wakes of a subscription, and answers in one way or another. */
export class WebhookWorker {
  readonly progress: Progress;
  readonly #name: string;
  readonly #server: KilledServer;
  readonly #failures: unknown[] = [];
  #newest: Wake & { callback_token: string } | undefined;
  /** By generation. */
  readonly #wakeIds = new Map<number, string>();
  #wakes = 0;
  readonly #underWay = new Set<Promise<void>>();

  constructor(name: string, server: KilledServer) {
    this.#name = name;
    this.#server = server;
    this.progress = new Progress(name);
  }

  /** How many wakes it has been sent, each attempt counted. */
  get wakes(): number {
    return this.#wakes;
  }

  /** Throws what was wrong with any of them. */
  check(): void {
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  /** Waits for what it still does. */
  async end(): Promise<void> {
    await Promise.all(this.#underWay);
    this.check();
  }

  async handle(request: Request): Promise<Response> {
    const wake: Wake & { callback_token: string } = await request.json();
    try {
      return await this.#answer(wake);
    } catch (error) {
      this.#failures.push(error);
      return new Response(null, { status: 500 });
    }
  }

  async #answer(wake: Wake & { callback_token: string }): Promise<Response> {
    const kind = this.#wakes++ % 8;
    const before = this.#newest;
    if (wake.generation < (before?.generation ?? 0)) {
      // An attempt that was under way as its wake was called back comes later than the next wake.
      const earlier = this.#wakeIds.get(wake.generation);
      equal(wake.wake_id, earlier, `${this.#name}: ${wake.generation} after ${before?.generation}`);
      return new Response(null, { status: 202 });
    }
    this.#wakeIds.set(wake.generation, wake.wake_id);
    if (wake.generation === before?.generation) {
      equal(wake.wake_id, before.wake_id, "what is sent again is the same wake");
    } else {
      this.progress.check(wake.streams);
      if (before !== undefined) this.#follow(this.#checkFenced(before));
    }
    this.#newest = wake;
    if (kind === 3) return new Response(null, { status: 503 });
    await this.progress.process(this.#server, wake.streams);
    this.progress.send(wake.streams);
    if (kind % 2 === 0) return Response.json({ done: true });
    this.#follow(this.#callBack(wake));
    return new Response(null, { status: 202 });
  }

  async #callBack(wake: Wake & { callback_token: string }): Promise<void> {
    const path = `${this.#name}/callback`;
    let answer;
    // Nobody else calls back before the lease is over.
    while (answer === undefined) {
      answer = await send(this.#server, path, wake.callback_token, ackOf(wake, true));
    }
    if (answer.status === 200) this.progress.acknowledge(wake.streams);
    else equal(answer.code, "FENCED", `a callback: ${answer.text}`);
  }

  /** A worker of an older generation is refused, whatever has happened since. */
  async #checkFenced(wake: Wake & { callback_token: string }): Promise<void> {
    const path = `${this.#name}/callback`;
    const answer = await send(this.#server, path, wake.callback_token, ackOf(wake, false));
    ok(answer === undefined || answer.code === "FENCED", `an old callback: ${answer?.text}`);
  }

  #follow(work: Promise<void>): void {
    const followed = work.catch((error) => void this.#failures.push(error))
      .finally(() => this.#underWay.delete(followed));
    this.#underWay.add(followed);
  }
}

/** Claims the wakes of a pull-wake subscription, and acknowledges most of them. */
export class PullWorker {
  readonly progress: Progress;
  readonly #name: string;
  #old: Wake & { token: string } | undefined;
  #generation = 0;
  #claims = 0;

  constructor(name: string) {
    this.#name = name;
    this.progress = new Progress(name);
  }

  /** How many wakes it has claimed. */
  get claims(): number {
    return this.#claims;
  }

  async run(server: KilledServer, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const old = this.#old;
      if (old !== undefined && this.#claims % 4 === 0) {
        const late = await send(server, `${this.#name}/ack`, old.token, ackOf(old, false));
        ok(late === undefined || late.code === "FENCED", `an old worker's ack: ${late?.text}`);
      }
      const answer = await send(server, `${this.#name}/claim`, "none", { worker: "worker" });
      if (answer?.status === 200) await this.#work(server, JSON.parse(answer.text));
      else {
        const isIdle = answer === undefined || answer.code === "NO_PENDING_WORK" ||
          answer.code === "ALREADY_CLAIMED";
        ok(isIdle, `a claim: ${answer?.text}`);
        await sleep(IDLE_MS);
      }
    }
  }

  async #work(server: KilledServer, wake: Wake & { token: string }): Promise<void> {
    const kind = this.#claims++ % 10;
    ok(
      wake.generation > this.#generation,
      `${this.#name}: generation ${wake.generation} after ${this.#generation}`,
    );
    this.#generation = wake.generation;
    this.progress.check(wake.streams);
    // Nobody is left to finish it: its lease runs out.
    if (kind === 5) return;
    if (kind === 7) {
      const { wake_id, generation, token } = wake;
      const release = await send(server, `${this.#name}/release`, token, { wake_id, generation });
      const isRight = release === undefined || release.status === 204 || release.code === "FENCED";
      ok(isRight, `a release: ${release?.text}`);
      return;
    }
    await this.progress.process(server, wake.streams);
    this.progress.send(wake.streams);
    const answer = await send(server, `${this.#name}/ack`, wake.token, ackOf(wake, true));
    if (answer?.status === 200) {
      this.progress.acknowledge(wake.streams);
      this.#old = wake;
    } else ok(answer === undefined || answer.code === "FENCED", `an ack: ${answer?.text}`);
  }
}
