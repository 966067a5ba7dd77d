import { equal, ok } from "node:assert/strict";
import { parseControl, type ParsedSse, parseSse } from "./sse_parser.ts";
import type { Control } from "./sse_parser.ts";

/** One SSE response as it comes in: chunk by chunk, so that a test sees what was sent as one. */
export class SseConnection {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(answer: Response) {
    equal(answer.status, 200);
    ok(answer.body !== null);
    this.#reader = answer.body.getReader();
  }

  /** The next chunk as text; undefined once the server has ended the connection. */
  async chunk(): Promise<string | undefined> {
    const next = await this.#reader.read();
    return next.done ? undefined : new TextDecoder().decode(next.value);
  }

  /** The next chunk, which has to be data with its control event, or the control event alone. */
  async frame(): Promise<Frame> {
    return toFrame(parseSse(await this.chunk() ?? ""));
  }

  /** All that comes until the server ends the connection. */
  async rest(): Promise<string> {
    let text = "";
    for (let next = await this.chunk(); next !== undefined; next = await this.chunk()) text += next;
    return text;
  }

  /** Hangs up. */
  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

/** A data event, where there was one, and the control event behind it. */
export interface Frame {
  data: string | undefined;
  control: Control;
}

function toFrame({ events }: ParsedSse): Frame {
  const [first, second] = events;
  if (first?.type !== "data") {
    equal(events.length, 1);
    return { data: undefined, control: parseControl(first) };
  }
  equal(events.length, 2);
  return { data: first.data, control: parseControl(second) };
}
