/** One event as a browser's `EventSource` would hand it out. */
export interface SseEvent {
  type: string;
  data: string;
  /** What a reconnect after this event sends as `Last-Event-ID`; empty where there was none yet. */
  lastEventId: string;
}

/** What a whole response comes to. */
export interface ParsedSse {
  events: SseEvent[];
  /** Comment lines, without their colon. */
  comments: string[];
}

/**
 * Server-sent events parsed by the letter of the HTML standard (9.2.6), independently of the program:
 * three kinds of line ends, one space dropped after the colon, an event without data not dispatched.
 */
export function parseSse(text: string): ParsedSse {
  const events: SseEvent[] = [];
  const comments: string[] = [];
  let type = "";
  let data: string[] = [];
  let lastEventId = "";
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/);
  // What follows the last line end is a line that isn't finished: the standard drops it.
  for (const line of lines.slice(0, -1)) {
    if (line === "") {
      if (data.length > 0) {
        events.push({ type: type || "message", data: data.join("\n"), lastEventId });
      }
      type = "";
      data = [];
      continue;
    }
    const colon = line.indexOf(":");
    if (colon === 0) {
      comments.push(line.slice(1));
      continue;
    }
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") type = value;
    if (field === "data") data.push(value);
    if (field === "id" && !value.includes("\0")) lastEventId = value;
  }
  return { events, comments };
}

/** What a control event tells (PROTOCOL §5.8). */
export interface Control {
  streamNextOffset: string;
  streamCursor?: string;
  upToDate?: boolean;
  streamClosed?: boolean;
  /** Extensions. */
  streamNextOrdinal?: number;
  streamLastTime?: string;
  trimmed?: boolean;
  earliestOffset?: string;
}

/** The control event's content. */
export function parseControl(event: SseEvent | undefined): Control {
  if (event?.type !== "control") throw new Error(`Not a control event: ${JSON.stringify(event)}`);
  const control: Control = JSON.parse(event.data);
  return control;
}
