import { ok } from "node:assert/strict";
import { SseConnection } from "../../support/sse_connection.ts";
import { parseSse } from "../../support/sse_parser.ts";

/** An event of a feed. */
export interface FeedEvent {
  readonly type: string;
  // deno-lint-ignore no-explicit-any -- what a test reads of JSON
  readonly data: any;
}

/** An open page's feed, read event by event. */
export class Feed {
  readonly #connection: SseConnection;
  #text = "";

  constructor(answer: Response) {
    this.#connection = new SseConnection(answer);
  }

  /** The next event of a type; those before it are passed over. */
  async next(type: string): Promise<FeedEvent["data"]> {
    while (true) {
      const event = this.#take();
      if (event?.type === type) return event.data;
      if (event !== undefined) continue;
      const chunk = await this.#connection.chunk();
      ok(chunk !== undefined, `the feed has ended without ${type}`);
      this.#text += chunk;
    }
  }

  /** The types of all events until the server ends the feed. */
  async rest(): Promise<FeedEvent[]> {
    this.#text += await this.#connection.rest();
    const events: FeedEvent[] = [];
    for (let event = this.#take(); event !== undefined; event = this.#take()) events.push(event);
    return events;
  }

  /** Hangs up. */
  cancel(): Promise<void> {
    return this.#connection.cancel();
  }

  #take(): FeedEvent | undefined {
    while (true) {
      const end = this.#text.indexOf("\n\n");
      if (end < 0) return undefined;
      const [event] = parseSse(this.#text.slice(0, end + 2)).events;
      this.#text = this.#text.slice(end + 2);
      if (event !== undefined) return { type: event.type, data: JSON.parse(event.data) };
    }
  }
}
