import { equal, ok } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Fetch } from "../support/guard.ts";

const TEXT = { "content-type": "text/plain" };
/** No figure: an answer that takes longer is none. */
const ANSWER_LIMIT_MS = 60_000;

/**
 * A client that minds its own business while others attack: appends one message after the other and
 * follows them by SSE. Each append has to be acknowledged, stored and seen by the follower, once.
 */
export class ControlClient {
  readonly #url: string;
  readonly #fetch: Fetch;
  readonly #sent: string[] = [];
  readonly #stopped = new AbortController();
  #appending: Promise<void> = Promise.resolve();
  #following: Promise<void> = Promise.resolve();
  #seen = "";

  private constructor(url: string, fetch: Fetch) {
    this.#url = url;
    this.#fetch = fetch;
  }

  /** @param server its streams' URL, and how to ask it */
  static async start({ url, fetch }: { url: string; fetch: Fetch }): Promise<ControlClient> {
    const client = new ControlClient(`${url}/control`, fetch);
    const made = await fetch(client.#url, { method: "PUT", headers: TEXT });
    equal(made.status, 201);
    client.#appending = client.#append();
    client.#following = client.#follow();
    return client;
  }

  /** How many appends were acknowledged. */
  get served(): number {
    return this.#sent.length;
  }

  /** Waits until so many more appends were acknowledged. */
  async hasBeenServed(more: number): Promise<void> {
    for (const goal = this.served + more; this.served < goal; await sleep(10)) {
      await Promise.race([this.#appending, sleep(1)]);
    }
  }

  /** Ends it, and sees that all it has sent is there and was seen. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#appending;
    const stored = await this.#fetch(`${this.#url}?offset=-1`);
    const text = await stored.text();
    equal(text, this.#sent.join(""), "what the other client has sent is stored");
    for (const endMs = Date.now() + ANSWER_LIMIT_MS; this.#seen.length < text.length;) {
      ok(Date.now() < endMs, `the follower saw ${this.#seen.length} of ${text.length} bytes`);
      await sleep(20);
    }
    equal(this.#seen, text, "the follower saw each message once");
    await this.#fetch(this.#url, { method: "DELETE" });
    await this.#following;
  }

  async #append(): Promise<void> {
    for (let i = 0; !this.#stopped.signal.aborted; i++) {
      const body = `<${i}>`;
      const signal = AbortSignal.timeout(ANSWER_LIMIT_MS);
      const answer = await this.#fetch(this.#url, { method: "POST", headers: TEXT, body, signal });
      await answer.body?.cancel();
      equal(answer.status, 204, "the other client is served");
      this.#sent.push(body);
      await sleep(5);
    }
  }

  /** Until the stream is deleted. */
  async #follow(): Promise<void> {
    for (let offset = "-1";;) {
      const answer = await this.#fetch(`${this.#url}?offset=${offset}&live=sse`);
      if (answer.status === 404) return void await answer.body?.cancel();
      if (answer.status !== 200) {
        await answer.body?.cancel();
        await sleep(50);
        continue;
      }
      let text = "";
      for await (const bytes of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += bytes;
        for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
          const event = text.slice(0, end);
          const data = event.split("\n").filter((line) => line.startsWith("data:"))
            .map((line) => line.slice(5).replace(/^ /, "")).join("\n");
          if (/^event: ?data/.test(event)) this.#seen += data;
          else if (/^event: ?control/.test(event)) offset = JSON.parse(data).streamNextOffset;
        }
      }
    }
  }
}
