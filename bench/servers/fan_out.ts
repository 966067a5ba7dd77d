import { encodeSseFrame } from "../../src/protocol/sse.ts";
import {
  longPollResponse,
  offsetToken,
  pathOf,
  requestedOffset,
  sseResponse,
} from "./responses.ts";

type Controller = ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;

// A reader that asks for what is older than this has lost something, which the generator then reports.
const KEPT_BODIES = 1024;
const READER_LIMIT_BYTES = 64 * 1024;

interface Topic {
  readonly controllers: Set<Controller>;
  readonly pollers: (() => void)[];
  /** The bodies appended last, and how many there ever were: that count is the offset. */
  readonly bodies: Uint8Array<ArrayBuffer>[];
  count: number;
}

/**
 * The least that live readers can cost: an append is encoded once, and the same frame goes to every
 * SSE reader and the same body to every long-poll of its path.
 */
export class FanOut {
  readonly #topics = new Map<string, Topic>();

  /** Hands an append to all who follow its path. */
  push(url: string, body: Uint8Array<ArrayBuffer>): void {
    if (this.#topics.size === 0) return;
    const topic = this.#topics.get(pathOf(url));
    if (topic === undefined) return;
    topic.count++;
    topic.bodies.push(body);
    if (topic.bodies.length > KEPT_BODIES) topic.bodies.shift();
    if (topic.controllers.size > 0) {
      const frame = encodeSseFrame(body, { json: false, encoding: "text" }, control(topic.count));
      for (const controller of topic.controllers) controller.enqueue(frame);
    }
    for (const wake of topic.pollers.splice(0)) wake();
  }

  /** An SSE connection to a path. */
  open(url: string): Response {
    const topic = this.#topic(url);
    let own: Controller | undefined;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        own = controller;
        topic.controllers.add(controller);
        const data = new Uint8Array(0);
        controller.enqueue(
          encodeSseFrame(data, { json: false, encoding: "text" }, control(topic.count)),
        );
      },
      cancel: () => {
        if (own !== undefined) topic.controllers.delete(own);
      },
    }, { highWaterMark: READER_LIMIT_BYTES, size: (chunk) => chunk?.byteLength ?? 0 });
    return sseResponse(body);
  }

  /** A long-poll on a path, answered at once where there is news. */
  async poll(url: string): Promise<Response> {
    const topic = this.#topic(url);
    const from = Math.max(0, requestedOffset(url));
    if (topic.count <= from) await new Promise<void>((resolve) => topic.pollers.push(resolve));
    const missed = topic.bodies.slice(from - topic.count);
    const body = missed.length === 1 && missed[0] !== undefined ? missed[0] : new Blob(missed);
    return longPollResponse(body, "text/plain", topic.count);
  }

  #topic(url: string): Topic {
    const path = pathOf(url);
    let topic = this.#topics.get(path);
    if (topic === undefined) {
      topic = { controllers: new Set(), pollers: [], bodies: [], count: 0 };
      this.#topics.set(path, topic);
    }
    return topic;
  }
}

function control(nextOffset: number) {
  return { nextOffset: offsetToken(nextOffset), cursor: 1, upToDate: true, closed: false };
}
