import { ok } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { type AskedServer, attempt } from "./killed_server.ts";

/** A message of a test: who sent it, and which of theirs it is. */
export interface Message {
  writer: string;
  n: number;
}

const JSON_HEADERS = { "content-type": "application/json" };

/** Appends without a producer: what was not answered may be there or not, and is not sent again. */
export class PlainWriter {
  readonly name: string;
  readonly acknowledged = new Set<number>();
  sent = 0;
  readonly #pauseMs: number;

  /** @param pauseMs between two appends */
  constructor(name: string, pauseMs = 0) {
    this.name = name;
    this.#pauseMs = pauseMs;
  }

  async run(server: AskedServer, stream: string, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      if (this.#pauseMs > 0) await sleep(this.#pauseMs);
      const n = this.sent++;
      const message: Message = { writer: this.name, n };
      const answer = await attempt(server, stream, {
        method: "POST",
        headers: JSON_HEADERS,
        body: JSON.stringify(message),
      });
      if (answer === undefined) continue;
      ok(answer.status === 204, `an append is answered ${answer.status}`);
      this.acknowledged.add(n);
    }
  }
}

/** An idempotent producer: each batch is sent until it is answered (PROTOCOL §5.2.1). */
export class Producer {
  readonly name: string;
  acknowledged = 0;
  sent = 0;

  readonly #pauseMs: number;

  /** @param pauseMs between two batches */
  constructor(name: string, pauseMs = 0) {
    this.name = name;
    this.#pauseMs = pauseMs;
  }

  async run(server: AskedServer, stream: string, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      if (this.#pauseMs > 0) await sleep(this.#pauseMs);
      const seq = this.acknowledged;
      this.sent = seq + 1;
      const batch: Message[] = [0, 1].map((i) => ({ writer: this.name, n: 2 * seq + i }));
      const answer = await attempt(server, stream, {
        method: "POST",
        headers: {
          ...JSON_HEADERS,
          "producer-id": this.name,
          "producer-epoch": "0",
          "producer-seq": String(seq),
        },
        body: JSON.stringify(batch),
      });
      if (answer === undefined) continue;
      ok(answer.status === 200 || answer.status === 204, `a batch is answered ${answer.status}`);
      this.acknowledged++;
    }
  }
}
