import { Buffer } from "node:buffer";
import process from "node:process";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Bytes } from "../../../src/protocol/bytes.ts";
import { inRepo } from "../../tools/repo.ts";

/** A request as the peer understood it. */
export interface PeerRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** In hex. */
  readonly body: string;
  readonly isWhole: boolean;
}

/** What the peer made of a client's bytes. */
export interface PeerReading {
  readonly requests: readonly PeerRequest[];
  /** Whether it would go on reading. */
  readonly end: "waits" | "closed" | "refused";
  readonly why: string;
}

/** h11, which another process runs. */
export class Peer {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  /** @param python a Python that has h11 */
  constructor(python: string) {
    this.#process = spawn(python, [inRepo("tests", "http", "fuzz", "peer.py")]);
    this.#process.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** Has it read the bytes, as one connection's. */
  async read(bytes: Bytes): Promise<PeerReading> {
    this.#process.stdin.write(`${Buffer.from(bytes).toString("hex")}\n`);
    const { done, value } = await this.#lines.next();
    if (done) throw new Error("The peer has ended: has its Python h11 (pip install h11)?");
    return JSON.parse(value);
  }

  end(): void {
    this.#process.kill();
  }
}
