import { setTimeout as sleep } from "node:timers/promises";
import { getLogger } from "@logtape/logtape";
import { systemClock } from "../../env/clock.ts";
import { LineWriter } from "../../env/line_writer.ts";
import type { RequestLog } from "../../server/common/request_entry.ts";
import { AccessLog } from "../../server/log/access_log.ts";
import type { Prepared } from "../config/reload.ts";
import type { AccessLogSettings, AppSettings } from "./app_settings.ts";
import { configureLogs, type LogOptions } from "./logger.ts";

const log = getLogger(["durable-streams", "process"]);

/** For a reader of stderr that has stopped to read. */
const CLOSE_LIMIT_MS = 300;

/** Settings that change while a thread serves: each thread that serves HTTP has one of these. */
export class LiveSettings {
  /** What the app tells of its requests. */
  readonly requestLog: RequestLog = { observer: undefined };
  #accessLog: OpenAccessLog | undefined;
  /** The end of what was in use before. */
  #closing: Promise<unknown> = Promise.resolve();

  /** @throws {Error} where the access log's file can't be opened; the message says why */
  constructor(settings: AppSettings) {
    this.#use(openAccessLog(settings.accessLog));
  }

  /**
   * Opens what new settings name. A file is opened anew also where its name is the same, since another may
   * have been put in its place.
   *
   * @throws {Error} where the access log's file can't be opened; the message says why
   */
  prepare(settings: AppSettings, logs: LogOptions): Prepared {
    const opened = openAccessLog(settings.accessLog);
    return {
      apply: () => {
        configureLogs(logs);
        const before = this.#accessLog;
        this.#use(opened);
        this.#closing = Promise.all([this.#closing, before?.close()]);
      },
      abandon: () => void opened?.close(),
    };
  }

  /** Writes what is still to be written, unless nobody takes it. */
  async close(): Promise<void> {
    this.requestLog.observer = undefined;
    const timer = new AbortController();
    const late = sleep(CLOSE_LIMIT_MS, undefined, { signal: timer.signal }).catch(() => {});
    await Promise.race([Promise.all([this.#closing, this.#accessLog?.close()]), late]);
    timer.abort();
  }

  #use(accessLog: OpenAccessLog | undefined): void {
    this.#accessLog = accessLog;
    this.requestLog.observer = accessLog?.observer;
  }
}

interface OpenAccessLog {
  readonly observer: RequestLog["observer"];
  close(): Promise<void>;
}

function openAccessLog(settings: AccessLogSettings | undefined): OpenAccessLog | undefined {
  if (settings === undefined) return undefined;
  const { format, linesPerSecond, file } = settings;
  const writer = openWriter(file);
  const write = (lines: string) => writer.write(lines);
  const accessLog = new AccessLog({ format, linesPerSecond, clock: systemClock, write });
  return {
    observer: (entry) => accessLog.observe(entry),
    close() {
      accessLog.flush();
      return writer.close();
    },
  };
}

function openWriter(file: string | undefined): LineWriter {
  // What can't be written to stderr can't be told there either.
  if (file === undefined) return new LineWriter(undefined, () => {});
  try {
    return new LineWriter(file, (error) => log.error("the access log can't be written", { error }));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the access log can't be opened, with --access-log-file: ${reason}`);
  }
}
