import { encodeUtf8 } from "../../../protocol/bytes.ts";
import { LineWriter } from "../../../env/line_writer.ts";
import type { CommandContext } from "../../context/command_context.ts";
import { CommandError } from "../../context/command_error.ts";
import { EXIT, exitCodeOf } from "../../context/exit_code.ts";
import { plural } from "../../context/plural.ts";
import type { FlagValues } from "../../flags/flag_values.ts";
import { errorPrefix } from "../output/color.ts";
import { formatBytes } from "../output/format_bytes.ts";
import { Progress } from "../output/progress.ts";
import type { Lag } from "./copy_round.ts";
import type { Outcome } from "./outcome.ts";

/** While a copy follows, how far it is behind is told no more often. */
const LAG_EVERY_MS = 10_000;

/** How a copy is reported. */
export interface ReportOptions {
  readonly values: FlagValues;
  readonly context: CommandContext;
  readonly isJson: boolean;
  readonly isDryRun: boolean;
  readonly isChecked: boolean;
  /** The file of `--offsets`. */
  readonly offsetsFile: string | undefined;
}

/** Tells what becomes of a copy: on stdout, what goes wrong with a stream on stderr too, and in a file. */
export class CopyReport {
  readonly #options: ReportOptions;
  readonly #progress: Progress;
  readonly #offsets: LineWriter | undefined;
  readonly #counts = {
    copied: 0,
    equal: 0,
    skipped: 0,
    refused: 0,
    failed: 0,
    gone: 0,
    missing: 0,
  };
  readonly #foreseen = { copy: 0, compare: 0, bytes: 0 };
  #streams = 0;
  #bytes = 0;
  #messages = 0;
  #flattened = 0;
  #exitCode: number = EXIT.ok;
  #wasEqual = false;
  #toldLagMs = -Infinity;
  #offsetsError: Error | undefined;

  /** @throws {CommandError} where the file can't be written */
  constructor(options: ReportOptions) {
    this.#options = options;
    this.#progress = new Progress(options.context, options.context.errorsIsTerminal);
    if (options.offsetsFile === undefined) return;
    try {
      this.#offsets = new LineWriter(options.offsetsFile, (error) => this.#offsetsError = error);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new CommandError(
        `--offsets ${options.offsetsFile} can't be written: ${why}`,
        EXIT.usage,
      );
    }
  }

  /** The exit code for what was told so far. */
  get exitCode(): number {
    return this.#exitCode;
  }

  /** Tells that so much has been appended to the target. */
  addBytes(bytes: number): void {
    this.#progress.add(bytes);
  }

  /** Tells what became of a stream. */
  async onOutcome(name: string, outcome: Outcome): Promise<void> {
    this.#count(name, outcome);
    const { context, values, isJson } = this.#options;
    const { error: _, ...shown } = { error: undefined, ...outcome };
    if (isJson) await this.#printJson({ ...shown, stream: name });
    if ("reason" in outcome) {
      this.#progress.end();
      context.printError(
        `${errorPrefix(values, context)} ${
          JSON.stringify(name)
        } ${outcome.outcome}: ${outcome.reason}`,
      );
    } else if (!isJson && this.#options.isDryRun) {
      await this.#print(`${outcome.outcome}: ${name}`);
    }
    if ("sourceOffset" in outcome) await this.#noteOffsets(name, outcome);
  }

  /** Tells how far a copy that follows is behind; resolves to whether both sides are equal. */
  async onLag(lag: Lag): Promise<boolean> {
    const { context, isJson } = this.#options;
    const isEqual = lag.behind === 0;
    const nowMs = context.clock.nowMs();
    const isDue = isEqual ? !this.#wasEqual : nowMs - this.#toldLagMs >= LAG_EVERY_MS;
    this.#wasEqual = isEqual;
    if (!isDue) return isEqual;
    if (!isEqual) this.#toldLagMs = nowMs;
    const at = new Date(nowMs).toISOString();
    this.#progress.end();
    if (isJson) await this.#printJson({ outcome: isEqual ? "both equal" : "lag", ...lag, at });
    else if (isEqual) {
      const others = lag.leftOut === 0
        ? ""
        : `, but not ${lag.leftOut} that were refused or failed`;
      await this.#print(`equal at ${at}: ${plural(lag.streams, "stream")}${others}`);
    } else {
      const streams = `${lag.behind} of ${plural(lag.streams, "stream")}`;
      await this.#print(`behind at ${at}: ${streams}, by ${formatBytes(lag.bytes)}`);
    }
    return isEqual;
  }

  /** Tells the sum of it all; {@link close} comes after it. */
  async end(): Promise<void> {
    this.#progress.end();
    const { isJson, isDryRun, isChecked } = this.#options;
    if (isJson) {
      const sums = isDryRun
        ? {
          wouldCopy: this.#foreseen.copy,
          wouldCompare: this.#foreseen.compare,
          bytes: this.#foreseen.bytes,
        }
        : {
          ...this.#counts,
          flattened: this.#flattened,
          bytes: this.#bytes,
          messages: this.#messages,
        };
      const streams = this.#streams;
      await this.#printJson({
        outcome: "summary",
        streams,
        ...sums,
        checked: isChecked && !isDryRun,
      });
    } else {
      await this.#print(isDryRun ? this.#foreseenText() : this.#sumText());
    }
  }

  /** Ends the line of progress, and the file. */
  async close(): Promise<void> {
    this.#progress.end();
    await this.#offsets?.close();
  }

  #count(name: string, outcome: Outcome): void {
    if (outcome.outcome === "copied") {
      this.#bytes += outcome.bytes;
      this.#messages += outcome.messages;
      if (outcome.continued) return;
    }
    this.#streams++;
    if (outcome.outcome === "would copy" || outcome.outcome === "would compare") {
      this.#foreseen[outcome.outcome === "would copy" ? "copy" : "compare"]++;
      this.#foreseen.bytes += outcome.bytes ?? 0;
      return;
    }
    this.#counts[outcome.outcome]++;
    if (outcome.outcome === "copied") {
      if (outcome.flattened) this.#noteFlattened(name);
    } else if (this.#exitCode === EXIT.ok) {
      if (outcome.outcome === "refused") this.#exitCode = EXIT.conflict;
      if (outcome.outcome === "missing") this.#exitCode = EXIT.notFound;
      if (outcome.outcome === "failed") this.#exitCode = exitCodeOf(outcome.error);
    }
  }

  #noteFlattened(name: string): void {
    this.#flattened++;
    this.#progress.end();
    const { values, context } = this.#options;
    context.printError(
      `${errorPrefix(values, context)} ${
        JSON.stringify(name)
      } is a fork at the source, and at the ` +
        "target a stream with all of its content to itself",
    );
  }

  async #noteOffsets(
    stream: string,
    { sourceOffset, targetOffset }: { sourceOffset: string; targetOffset: string },
  ): Promise<void> {
    const line = `${JSON.stringify({ stream, sourceOffset, targetOffset })}\n`;
    // What isn't taken waits for what was.
    while (this.#offsets?.write(line) === false) await this.#offsets.flush();
    if (this.#offsetsError === undefined) return;
    throw new CommandError(
      `--offsets can't be written: ${this.#offsetsError.message}`,
      EXIT.failure,
    );
  }

  #sumText(): string {
    const { copied, equal, skipped, refused, failed, gone, missing } = this.#counts;
    const appended = this.#messages > 0 ? ` (${plural(this.#messages, "JSON message")})` : "";
    const parts = [
      `${plural(copied, "stream")} copied, ${formatBytes(this.#bytes)}${appended}`,
      ...[[equal, "equal already"], [skipped, "skipped"], [refused, "refused"]].map(partText),
      ...[[failed, "failed"], [gone, "gone"], [missing, "missing"], [this.#flattened, "flattened"]]
        .map(partText),
    ].filter((part) => part !== "");
    const checked = this.#options.isChecked
      ? "checked: what the target holds was read back and is the same"
      : "not checked";
    return `${parts.join(", ")}; ${checked}`;
  }

  #foreseenText(): string {
    const { copy, compare, bytes } = this.#foreseen;
    const { refused, skipped, gone } = this.#counts;
    const parts = [
      `${plural(copy, "stream")} would be copied, ${compare} compared and gone on with`,
      ...[[refused, "refused"], [skipped, "skipped"], [gone, "gone"]].map(partText),
      formatBytes(bytes),
    ].filter((part) => part !== "");
    return `${parts.join(", ")}; nothing was changed`;
  }

  async #printJson(value: unknown): Promise<void> {
    await this.#print(JSON.stringify(value));
  }

  async #print(line: string): Promise<void> {
    await this.#options.context.write(encodeUtf8(`${line}\n`));
  }
}

function partText([count, what]: readonly (number | string)[]): string {
  return count === 0 ? "" : `${count} ${what}`;
}
