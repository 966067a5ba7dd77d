import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import type { Reserve } from "./file_system.ts";

/**
 * Descriptors that are open for nothing, so that some can be freed when the process, or the system, has
 * none left: one is closed, and the call that needs it opens its file in the same turn.
 */
export class DescriptorReserve {
  readonly #held: number[] = [];
  #wanted = 0;

  /** Keeps so many more. */
  keep(descriptors: number): Reserve {
    this.#wanted += descriptors;
    this.refill();
    const isLent = () => this.#held.length < this.#wanted;
    let left = descriptors;
    return {
      get isLent() {
        return isLent();
      },
      end: () => {
        this.#wanted -= left;
        left = 0;
        while (this.#held.length > this.#wanted) this.lend();
      },
    };
  }

  /** Frees one for the file that is opened next; whether there was one. */
  lend(): boolean {
    const descriptor = this.#held.pop();
    if (descriptor === undefined) return false;
    closeSync(descriptor);
    return true;
  }

  /** Takes back what was lent, as far as there is any: to be called when a descriptor has become free. */
  refill(): void {
    while (this.#held.length < this.#wanted) {
      try {
        this.#held.push(openSync(devNull, "r"));
      } catch {
        return;
      }
    }
  }
}
