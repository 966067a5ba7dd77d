import type { CommandContext } from "../../context/command_context.ts";
import { formatBytes } from "./format_bytes.ts";

/** A transfer that ends sooner prints nothing. */
const QUIET_MS = 1_000;
const REDRAW_MS = 200;
const BAR_CHARS = 20;
const CLEAR_LINE = "\r\x1b[K";

/**
 * How far a transfer is, in one line that is drawn over itself. Written here, since it takes a dozen lines
 * and the total is rarely known: packages for it draw bars, and bring terminal styling with them.
 */
export class Progress {
  readonly #context: CommandContext;
  readonly #isShown: boolean;
  readonly #totalBytes: number | undefined;
  readonly #startMs: number;
  #bytes = 0;
  #drawnMs: number | undefined;

  /**
   * @param isShown false if nobody would see it, or it would mix with the output
   * @param totalBytes the size of the transfer, if it is known
   */
  constructor(context: CommandContext, isShown: boolean, totalBytes?: number) {
    this.#context = context;
    this.#isShown = isShown;
    this.#totalBytes = totalBytes;
    this.#startMs = context.clock.nowMs();
  }

  /** Notes that more bytes have been transferred. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (!this.#isShown) return;
    const nowMs = this.#context.clock.nowMs();
    const nextMs = this.#drawnMs === undefined
      ? this.#startMs + QUIET_MS
      : this.#drawnMs + REDRAW_MS;
    if (nowMs < nextMs) return;
    this.#drawnMs = nowMs;
    this.#context.draw(CLEAR_LINE + this.#line(nowMs).slice(0, this.#context.columns - 1));
  }

  /** Removes the line. */
  end(): void {
    if (this.#drawnMs !== undefined) this.#context.draw(CLEAR_LINE);
    this.#drawnMs = undefined;
  }

  #line(nowMs: number): string {
    const seconds = (nowMs - this.#startMs) / 1_000;
    const rate = `${formatBytes(this.#bytes)}  ${formatBytes(this.#bytes / seconds)}/s  ${
      seconds.toFixed(0)
    }s`;
    if (this.#totalBytes === undefined || this.#totalBytes <= 0) return rate;
    const done = Math.min(1, this.#bytes / this.#totalBytes);
    const filled = "#".repeat(Math.round(done * BAR_CHARS)).padEnd(BAR_CHARS, "-");
    return `[${filled}] ${Math.floor(done * 100)}%  ${rate}`;
  }
}
