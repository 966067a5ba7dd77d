import { ok } from "node:assert/strict";
import { attempt, type KilledServer } from "./killed_server.ts";
import type { Message } from "./writers.ts";

/** A stream of a wake, as the protocol has it (PROTOCOL §7.1, §7.2). */
export interface WokenStream {
  path: string;
  acked_offset: string;
  tail_offset: string;
}

/** What one subscription's workers have processed, and what of that was acknowledged. */
export class Progress {
  readonly seen = new Set<string>();
  readonly #name: string;
  /** Offsets by streams: the last whose ack was answered, and the last that was sent. */
  readonly #acknowledged = new Map<string, string>();
  readonly #sent = new Map<string, string>();

  constructor(name: string) {
    this.#name = name;
  }

  /** A new wake begins where the last one ended, as far as that is known. */
  check(streams: readonly WokenStream[]): void {
    for (const { path, acked_offset: acked } of streams) {
      const least = this.#acknowledged.get(path) ?? "-1";
      const most = this.#sent.get(path) ?? "-1";
      ok(acked >= least, `${this.#name}: ${path} is at ${acked}, and ${least} was acknowledged`);
      ok(acked <= most, `${this.#name}: ${path} is at ${acked}, and no more than ${most} was sent`);
    }
  }

  /** Reads what is pending. */
  async process(server: KilledServer, streams: readonly WokenStream[]): Promise<void> {
    for (const { path, acked_offset, tail_offset } of streams) {
      for (let offset = acked_offset; offset < tail_offset;) {
        const answer = await attempt(server, `${path}?offset=${offset}`, {});
        if (answer === undefined) continue;
        ok(answer.status === 200, `${this.#name}: a read of ${path} is answered ${answer.status}`);
        const messages: Message[] = JSON.parse(new TextDecoder().decode(answer.body));
        for (const { writer, n } of messages) this.seen.add(`${writer} ${n}`);
        offset = answer.headers.get("stream-next-offset") ?? offset;
      }
    }
  }

  /** All of a wake is acknowledged from now on, or isn't. */
  send(streams: readonly WokenStream[]): void {
    for (const { path, tail_offset } of streams) raise(this.#sent, path, tail_offset);
  }

  /** It was answered that all of a wake is acknowledged. */
  acknowledge(streams: readonly WokenStream[]): void {
    for (const { path, tail_offset } of streams) raise(this.#acknowledged, path, tail_offset);
  }
}

function raise(offsets: Map<string, string>, path: string, offset: string): void {
  if ((offsets.get(path) ?? "-1") < offset) offsets.set(path, offset);
}
