import type { Clock } from "../../../src/env/clock.ts";
import { StreamError } from "../../../src/protocol/errors.ts";
import type { ReadFrom } from "../../../src/protocol/offset.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import type { StorageStatus } from "../../../src/storage/status.ts";
import type {
  Appended,
  AppendRequest,
  Created,
  CreateSpec,
  ListPage,
  ListRequest,
  ReadResult,
  Storage,
  StreamInfo,
  Watch,
} from "../../../src/storage/storage.ts";
import { wait } from "../../support/nats/delay.ts";
import type { SimulatedCluster } from "../../support/nats/simulated_cluster.ts";
import type { Random } from "../../support/random.ts";
import type { OpenStorage } from "./front_end.ts";

/** What is wrong with it, so that the checks have something to find. */
export type Flaw =
  | "none"
  | "a stale head"
  | "an answer before the append"
  | "an append twice"
  | "a lost append"
  | "a stale read"
  | "a missed wake-up";

const LOST = 0.05;
const FLAWED = 0.15;

/**
 * Front ends that are right by their making, one storage in memory behind all of them, but slow and with
 * answers that are lost; or wrong in one way, now and then.
 */
export function flakyStorages(flaw: Flaw): OpenStorage {
  let shared: Storage | undefined;
  return ({ clock, random }, cluster) => {
    shared ??= createMemoryStorage({ clock: cluster.clock });
    return Promise.resolve(new FlakyStorage({ storage: shared, clock, random, flaw, cluster }));
  };
}

interface FlakyParts {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly flaw: Flaw;
  readonly cluster: SimulatedCluster;
}

class FlakyStorage implements Storage {
  readonly #storage: Storage;
  readonly #parts: FlakyParts;
  readonly #heads = new Map<string, StreamInfo>();

  constructor(parts: FlakyParts) {
    this.#storage = parts.storage;
    this.#parts = parts;
  }

  get identity(): string {
    return this.#storage.identity;
  }

  create(name: string, spec: CreateSpec): Promise<Created> {
    return this.#slowly(() => this.#storage.create(name, spec));
  }

  async append(name: string, request: AppendRequest): Promise<Appended> {
    if (this.#has("an answer before the append")) {
      const { space, tail, closed } = await this.#storage.head(name);
      const answer = { tail: tail + request.body.length, closed, duplicate: false };
      void this.#slowly(() => this.#storage.append(name, request)).catch(() => {});
      if (typeof space === "number" && request.producer === undefined) {
        return { ...answer, space, producer: undefined };
      }
    }
    if (this.#has("a lost append")) {
      const { space, tail, closed } = await this.#storage.head(name);
      if (typeof space === "number" && request.producer === undefined && !closed) {
        return { space, tail, closed, duplicate: false, producer: undefined };
      }
    }
    const again = this.#has("an append twice");
    return await this.#slowly(async () => {
      if (again && request.producer === undefined) await this.#storage.append(name, request);
      return await this.#storage.append(name, request);
    });
  }

  delete(name: string): Promise<void> {
    return this.#slowly(() => this.#storage.delete(name));
  }

  head(name: string): Promise<StreamInfo> {
    return this.#slowly(async () => {
      const known = this.#heads.get(name);
      if (known !== undefined && this.#has("a stale head")) return known;
      const info = await this.#storage.head(name);
      this.#heads.set(name, info);
      return info;
    });
  }

  read(name: string, from: ReadFrom, limitBytes: number): Promise<ReadResult> {
    return this.#slowly(async () => {
      const result = await this.#storage.read(name, from, limitBytes);
      if (result.data.length < 3 || !this.#has("a stale read")) return result;
      const next = result.next - 3;
      return { ...result, data: result.data.slice(0, -3), next, tail: next };
    });
  }

  list(request: ListRequest): Promise<ListPage> {
    return this.#slowly(() => this.#storage.list(request));
  }

  watch(name: string, onChange: () => void): Promise<Watch> {
    const isDeaf = this.#has("a missed wake-up");
    return this.#slowly(() => this.#storage.watch(name, isDeaf ? () => {} : onChange));
  }

  status(): StorageStatus {
    return this.#storage.status();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #has(flaw: Flaw): boolean {
    return this.#parts.flaw === flaw && this.#parts.random.chance(FLAWED);
  }

  async #slowly<T>(call: () => Promise<T>): Promise<T> {
    const { clock, random, cluster } = this.#parts;
    const maybeLose = () => {
      if (!cluster.isHealed && random.chance(LOST)) throw lost();
    };
    await wait(clock, random.below(6));
    maybeLose();
    const result = await call();
    await wait(clock, random.below(6));
    maybeLose();
    return result;
  }
}

function lost(): StreamError {
  return new StreamError({ code: "storage_failed" }, "The answer was lost.");
}
