import { type Bytes, concatBytes } from "../../protocol/bytes.ts";

/** One server-sent event, its data still bytes: a stream's may be megabytes that nobody looks at. */
export interface ServerEvent {
  readonly type: string;
  /** The data's lines; a data event of text has one for each line of the text. */
  readonly data: readonly Uint8Array[];
}

const LINE_FEED = 0x0a;
const COLON = 0x3a;
const SPACE = 0x20;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Takes an event stream apart as its bytes come. Lines of it end with LF, as this server writes them. */
export class EventParser {
  /** The beginning of a line whose end hasn't come yet. */
  #rest: Bytes[] = [];
  #type = "message";
  #data: Uint8Array[] = [];

  /** The events that these bytes complete. */
  push(bytes: Bytes): ServerEvent[] {
    const events: ServerEvent[] = [];
    let start = 0;
    for (
      let end = bytes.indexOf(LINE_FEED);
      end >= 0;
      end = bytes.indexOf(LINE_FEED, start)
    ) {
      const line = this.#joined(bytes.subarray(start, end));
      start = end + 1;
      if (line.length > 0) this.#field(line);
      else if (this.#data.length > 0) events.push(this.#take());
      else this.#type = "message";
    }
    if (start < bytes.length) this.#rest.push(bytes.subarray(start));
    return events;
  }

  #joined(last: Bytes): Bytes {
    const line = concatBytes([...this.#rest, last]);
    this.#rest = [];
    return line;
  }

  #field(line: Uint8Array): void {
    const colon = line.indexOf(COLON);
    if (colon <= 0) return;
    const name = decoder.decode(line.subarray(0, colon));
    const value = line.subarray(line[colon + 1] === SPACE ? colon + 2 : colon + 1);
    if (name === "event") this.#type = decoder.decode(value);
    else if (name === "data") this.#data.push(value);
  }

  #take(): ServerEvent {
    const event = { type: this.#type, data: this.#data };
    this.#type = "message";
    this.#data = [];
    return event;
  }
}

/** The JSON that an event's data is. */
export function eventJson<T>(event: ServerEvent): T {
  const value: T = JSON.parse(event.data.map((line) => decoder.decode(line)).join("\n"));
  return value;
}

/** Calls back with each event of an answer, until it ends or is aborted. */
export async function readEvents(
  answer: Response,
  onEvent: (event: ServerEvent) => void | Promise<void>,
): Promise<void> {
  const parser = new EventParser();
  const reader = answer.body?.getReader();
  if (reader === undefined) return;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      for (const event of parser.push(next.value)) await onEvent(event);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
