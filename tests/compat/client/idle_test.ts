import { deepEqual, equal } from "node:assert/strict";
import { DurableStream, stream } from "@durable-streams/client";
import { COMPAT_TARGETS, sharedServer } from "../targets.ts";

/**
 * A silent SSE connection of the official client: the server's comment lines come every 6 s, mean
 * nothing to the client, and neither the client nor the runtime (Bun, after 10 s) hangs up.
 */

/** A `fetch` that says when two comment lines have come over an SSE response. */
class CommentWatch {
  readonly #second = Promise.withResolvers<void>();
  #comments = 0;
  opened = 0;

  readonly fetch: typeof fetch = async (input, init) => {
    const answer = await fetch(input, init);
    const type = answer.headers.get("content-type");
    if (type !== "text/event-stream" || answer.body === null) return answer;
    this.opened++;
    const decoder = new TextDecoder();
    const watched = answer.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform: (bytes, controller) => {
          if (/^:/m.test(decoder.decode(bytes, { stream: true }))) this.#comments++;
          if (this.#comments === 2) this.#second.resolve();
          controller.enqueue(bytes);
        },
      }),
    );
    return new Response(watched, answer);
  };

  /** Waits for the second comment line. */
  comments(): Promise<void> {
    return this.#second.promise;
  }
}

const servers = COMPAT_TARGETS.map((target) => sharedServer(target));

async function idle(url: string): Promise<void> {
  const handle = await DurableStream.create({ url, contentType: "application/json" });
  const watch = new CommentWatch();
  const answer = await stream({ url, live: "sse", fetch: watch.fetch });
  const items: unknown[] = [];
  answer.subscribeJson((batch: { items: readonly unknown[] }) => {
    items.push(...batch.items);
  });
  await watch.comments();
  await handle.append("1");
  await handle.close();
  await answer.closed;
  deepEqual(items, [1]);
  equal(watch.opened, 1);
}

Deno.test({
  name: "a connection that was silent past two comment lines goes on with the next message",
  timeout: 60_000,
  // All targets side by side, since each waits for 12 s.
  fn: async () => {
    await Promise.all(servers.map((server) => idle(server.streamUrl())));
  },
});
