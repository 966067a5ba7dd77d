import { equal, ok } from "node:assert/strict";
import type { Fields, Fixture } from "../../support/fixture.ts";
import { SseConnection } from "../../support/sse_connection.ts";
import { parseSse } from "../../support/sse_parser.ts";

/** An event of a connection that follows many streams. */
export interface LiveEvent {
  readonly type: string;
  /** Its first line. */
  // deno-lint-ignore no-explicit-any -- what a test reads of JSON
  readonly head: any;
  /** The rest. */
  readonly payload: string;
  readonly id: string;
}

/** Such a connection, read chunk by chunk. */
export class LiveFeed {
  readonly #connection: SseConnection;

  constructor(answer: Response) {
    equal(answer.headers.get("content-type"), "text/event-stream");
    this.#connection = new SseConnection(answer);
  }

  /** By GET. */
  static async get(served: Fixture, query: string, headers?: Fields): Promise<LiveFeed> {
    return new LiveFeed(await served.get(`__ds/live?${query}`, headers));
  }

  /** By POST. */
  static async post(served: Fixture, set: object, headers: Fields = {}): Promise<LiveFeed> {
    return new LiveFeed(await served.post("__ds/live", headers, JSON.stringify(set)));
  }

  /** The events of the next chunk; none once the server has ended the connection. */
  async chunk(): Promise<LiveEvent[]> {
    const text = await this.#connection.chunk();
    return text === undefined ? [] : eventsOf(text);
  }

  /** All events up to the first that fits. */
  async upTo(isLast: (event: LiveEvent) => boolean): Promise<LiveEvent[]> {
    const all: LiveEvent[] = [];
    while (true) {
      const events = await this.chunk();
      ok(events.length > 0, "the connection has ended");
      all.push(...events);
      if (events.some(isLast)) return all;
    }
  }

  /** All events until the server ends the connection. */
  async rest(): Promise<LiveEvent[]> {
    return eventsOf(await this.#connection.rest());
  }

  /** Hangs up. */
  cancel(): Promise<void> {
    return this.#connection.cancel();
  }
}

/** The messages in events, of each stream of JSON. */
export function messagesOf(events: readonly LiveEvent[]): Record<string, unknown[]> {
  const messages: Record<string, unknown[]> = {};
  for (const { type, head, payload } of events) {
    if (type !== "data") continue;
    const all = messages[head.stream] ??= [];
    all.push(...JSON.parse(payload));
  }
  return messages;
}

/** The types of events, with the stream that each is of. */
export function typesOf(events: readonly LiveEvent[]): string[] {
  return events.map(({ type, head }) =>
    head.stream === undefined ? type : `${type} ${head.stream}`
  );
}

function eventsOf(text: string): LiveEvent[] {
  return parseSse(text).events.map(({ type, data, lastEventId }) => {
    const end = data.indexOf("\n");
    const head = end < 0 ? data : data.slice(0, end);
    return {
      type,
      head: JSON.parse(head),
      payload: end < 0 ? "" : data.slice(end + 1),
      id: lastEventId,
    };
  });
}
