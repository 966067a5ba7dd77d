import type { StreamOffset } from "../../../src/protocol/offset.ts";
import { spaceAt } from "../../../src/protocol/offset.ts";
import { closedGate, type Gate, wait } from "../../support/nats/delay.ts";
import type { Random } from "../../support/random.ts";
import { askOf } from "./answer.ts";
import type { FrontEnd } from "./front_end.ts";
import type { Ledger } from "./ledger.ts";
import type { NatsWorld } from "./nats_world.ts";

const RETRY_MS = 200;

/** A live reader: it reads on whenever it is told to, at another front end when its own dies. */
export class Follower {
  readonly #world: NatsWorld;
  readonly #ledger: Ledger;
  readonly #name: string;
  readonly #random: Random;
  #at: number | StreamOffset = 0;
  #position = 0;
  #frontEnd: FrontEnd | undefined;
  #isOver = false;
  #changed: Gate = closedGate();
  #moved: Gate = closedGate();

  constructor(world: NatsWorld, ledger: Ledger, name: string, random: Random) {
    this.#world = world;
    this.#ledger = ledger;
    this.#name = name;
    this.#random = random;
  }

  start(): void {
    this.#run().catch((error) => this.#world.fail(error));
  }

  /** Resolves when it has read all that is acknowledged; it has to find that out by itself. */
  async finish(): Promise<void> {
    const tail = this.#ledger.tailOf(this.#name);
    this.#world.note(`follower of ${this.#name} is to come to ${tail}`);
    while (this.#position < tail) await this.#moved.opened;
  }

  /** It doesn't read any more: the stream may be deleted. */
  stop(): void {
    this.#isOver = true;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      if (!this.#frontEnd?.isAlive && !await this.#watch()) {
        await wait(this.#world.clock, RETRY_MS);
        continue;
      }
      const frontEnd = this.#frontEnd;
      if (frontEnd === undefined) continue;
      const changed = this.#changed.opened;
      if (await this.#read(frontEnd)) continue;
      await Promise.race([changed, frontEnd.died]);
    }
  }

  async #watch(): Promise<boolean> {
    const frontEnd = this.#world.pickFrontEnd(this.#random);
    const answer = await askOf(
      frontEnd,
      new Promise(() => {}),
      (storage) =>
        storage.watch(this.#name, () => {
          const gate = this.#changed;
          this.#changed = closedGate();
          gate.open();
        }),
    );
    if (answer.kind !== "done") return false;
    this.#frontEnd = frontEnd;
    return true;
  }

  /** Reads one chunk; whether it is worth it to read on at once. */
  async #read(frontEnd: FrontEnd): Promise<boolean> {
    const at = this.#at;
    const answer = await askOf(
      frontEnd,
      new Promise(() => {}),
      (storage) => storage.read(this.#name, at, this.#random.pick([4096, 100_000])),
    );
    if (this.#isOver) return true;
    if (answer.kind === "refused") throw answer.error;
    if (answer.kind === "unknown") {
      if (!frontEnd.isAlive) return true;
      await wait(this.#world.clock, RETRY_MS);
      return true;
    }
    const { data, start, next, space, tail } = answer.result;
    const what = `follower of ${this.#name} at front end ${frontEnd.number}`;
    this.#ledger.book.learn(space, start, data, what);
    this.#position = next;
    this.#at = { space: spaceAt(space, next), position: next };
    if (data.length === 0) return false;
    this.#world.note(`${what} has read up to ${next}`);
    this.#world.nextEvent();
    const gate = this.#moved;
    this.#moved = closedGate();
    gate.open();
    return next < tail;
  }
}
