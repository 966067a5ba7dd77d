import type { Clock } from "../../env/clock.ts";
import type { RequestEntry } from "../common/request_entry.ts";

/** How an {@link AccessLog} writes. */
export interface AccessLogOptions {
  readonly format: "text" | "json";
  /** How many lines there may be in a second; those beyond are counted only. */
  readonly linesPerSecond: number;
  readonly clock: Clock;
  /** Takes lines, each with its end; false where it has no room for them. */
  write(lines: string): boolean;
}

const SECOND_MS = 1_000;
/** Lines are gathered for so long, or until there is so much of them. */
const BATCH_MS = 100;
const BATCH_CHARS = 64 * 1024;
const PLAIN = /^[\w.,:/@+~-]+$/;

/** A line for each request, some of them under load, gathered and then written together. */
export class AccessLog {
  readonly #options: AccessLogOptions;
  #lines = "";
  #second = 0;
  #count = 0;
  #dropped = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(options: AccessLogOptions) {
    this.#options = options;
  }

  /** Writes a request's line, or counts it. */
  observe(entry: RequestEntry): void {
    const { clock, linesPerSecond, format } = this.#options;
    this.#enterSecond(Math.floor(clock.nowMs() / SECOND_MS));
    if (this.#count >= linesPerSecond) this.#dropped++;
    else {
      this.#count++;
      this.#lines += format === "json" ? jsonLine(entry) : textLine(entry);
    }
    if (this.#lines.length >= BATCH_CHARS) this.#write();
    this.#schedule();
  }

  /** Writes what has gathered. */
  flush(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#tellDropped();
    this.#write();
  }

  #schedule(): void {
    if (this.#lines === "" && this.#dropped === 0) return;
    this.#cancelTimer ??= this.#options.clock.setTimer(BATCH_MS, () => {
      this.#cancelTimer = undefined;
      this.#enterSecond(Math.floor(this.#options.clock.nowMs() / SECOND_MS));
      this.#write();
      // Dropped ones are told once their second is over, also where no request follows.
      this.#schedule();
    });
  }

  #enterSecond(second: number): void {
    if (second === this.#second) return;
    this.#tellDropped();
    this.#second = second;
    this.#count = 0;
  }

  #tellDropped(): void {
    if (this.#dropped === 0) return;
    const time = new Date(this.#second * SECOND_MS).toISOString();
    this.#lines += this.#options.format === "json"
      ? `${JSON.stringify({ time, dropped: this.#dropped })}\n`
      : `${time} ACCESS dropped=${this.#dropped}\n`;
    this.#dropped = 0;
  }

  #write(): void {
    if (this.#lines === "") return;
    if (!this.#options.write(this.#lines)) this.#dropped += this.#lines.split("\n").length - 1;
    this.#lines = "";
  }
}

let lastMs = NaN;
let lastTime = "";

/** Many requests come in the same millisecond, and making its text costs the most of a line. */
function timeOf(atMs: number): string {
  if (atMs !== lastMs) {
    lastMs = atMs;
    lastTime = new Date(atMs).toISOString();
  }
  return lastTime;
}

function jsonLine({ atMs, id, client, method, path, status, bytes, ms }: RequestEntry): string {
  const time = timeOf(atMs);
  return `${JSON.stringify({ time, id, client, method, path, status, bytes, ms })}\n`;
}

function textLine({ atMs, id, client, method, path, status, bytes, ms }: RequestEntry): string {
  return `${timeOf(atMs)} ACCESS ${method} ${path} ${status} bytes=${bytes} ` +
    `ms=${ms} id=${id}${client === undefined ? "" : ` client=${word(client)}`}\n`;
}

function word(text: string): string {
  return PLAIN.test(text) ? text : JSON.stringify(text);
}
