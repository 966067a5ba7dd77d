import type { FileSystemErrorKind } from "../../../src/env/file_system.ts";

/** What can be made to fail. */
export type Call =
  | "open"
  | "read"
  | "write"
  | "truncate"
  | "sync"
  | "rename"
  | "link"
  | "remove"
  | "make directory"
  | "sync directory"
  | "barrier"
  | "store"
  | "store state"
  | "look up";

/** Calls that are to fail. */
export interface Fault {
  call: Call;
  kind: FileSystemErrorKind;
  /** Only those on paths like this. */
  path?: RegExp;
  /** How many of them succeed before. */
  after?: number;
  /** How many of them fail then; one. */
  times?: number;
}

/** The faults that are set, and how often any has happened. */
export class Faults {
  #set: { fault: Fault; after: number; times: number }[] = [];
  #fired: Fault[] = [];

  /** Those that have happened. */
  get fired(): readonly Fault[] {
    return this.#fired;
  }

  add(fault: Fault): void {
    this.#set.push({ fault, after: fault.after ?? 0, times: fault.times ?? 1 });
  }

  /** The world is well again. */
  clear(): void {
    this.#set = [];
  }

  /** The fault that this call meets. */
  meet(call: Call, path: string): Fault | undefined {
    for (const entry of this.#set) {
      if (entry.fault.call !== call || entry.fault.path?.test(path) === false) continue;
      if (entry.after-- > 0) continue;
      if (entry.times-- <= 0) continue;
      this.#fired.push(entry.fault);
      return entry.fault;
    }
    return undefined;
  }
}
