import type { RetentionRule } from "../../src/storage/retention_rules.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import type { ManualClock } from "../support/manual_clock.ts";

/** Options of the storage that a test asks for. */
export interface KitOptions {
  maxProducersPerStream?: number;
  retention?: readonly RetentionRule[];
}

/** A storage under test and the clock that it goes by. */
export interface Kit {
  storage: Storage;
  clock: ManualClock;
  /** Closes the storage, if the test hasn't, and removes what it left. */
  dispose(): Promise<void>;
}

/** Makes an empty storage. */
export type OpenKit = (options: KitOptions) => Promise<Kit>;

/** The content types that the tests use. */
export const TEXT = "text/plain";
export const JSON_TYPE = "application/json";

const MORE_THAN_ANY_TEST = 1 << 30;

/** Short names for what tests do all the time. */
export class Streams {
  readonly storage: Storage;

  constructor(storage: Storage) {
    this.storage = storage;
  }

  /** Appends a text. */
  text(name: string, text: string): Promise<{ tail: number }> {
    return this.storage.append(name, { contentType: TEXT, body: encodeUtf8(text) });
  }

  /** Appends a JSON body. */
  json(name: string, body: string): Promise<{ tail: number }> {
    return this.storage.append(name, { contentType: JSON_TYPE, body: encodeUtf8(body) });
  }

  /** Closes a stream. */
  close(name: string): Promise<{ tail: number; closed: boolean; duplicate: boolean }> {
    return this.storage.append(name, { body: new Uint8Array(), close: true });
  }

  /** All of a stream from an offset on, as it is stored. */
  async all(name: string, from = 0): Promise<string> {
    const { data } = await this.storage.read(name, from, MORE_THAN_ANY_TEST);
    return new TextDecoder().decode(data);
  }
}

/** What a test of the contract gets. */
export interface Subject extends Kit {
  streams: Streams;
}

/** Registers one test of the contract. */
export type It = (
  name: string,
  run: (subject: Subject) => Promise<void>,
  options?: KitOptions,
) => void;
