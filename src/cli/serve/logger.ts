import {
  configureSync,
  getJsonLinesFormatter,
  getTextFormatter,
  type LogLevel,
  type LogRecord,
} from "@logtape/logtape";

/** How the program logs. */
export interface LogOptions {
  level: "debug" | "info" | "warn" | "error";
  format: "text" | "json";
}

/**
 * Sends the records of `getLogger(["durable-streams", …])` to stderr. Without this call, as in a program
 * that embeds the library, nothing is logged.
 */
export function configureLogs({ level, format }: LogOptions): void {
  const lowestLevel: LogLevel = level === "warn" ? "warning" : level;
  const line = format === "json"
    ? getJsonLinesFormatter({ properties: "flatten" })
    : getTextFormatter({
      timestamp: "rfc3339",
      level: "FULL",
      value: "bare",
      format: ({ timestamp, level, message, record }) =>
        `${timestamp} ${level} ${message}${properties(record)}`,
    });
  configureSync({
    reset: true,
    sinks: {
      // Not process.stderr.write: Bun does that later, and an exit would lose the last lines.
      stderr: (record) => console.error(line(record).trimEnd()),
    },
    loggers: [
      { category: "durable-streams", lowestLevel, sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stderr"] },
    ],
  });
}

function properties({ properties, rawMessage }: LogRecord): string {
  let pairs = "";
  let stacks = "";
  for (const [key, value] of Object.entries(properties)) {
    if (typeof rawMessage === "string" && rawMessage.includes(`{${key}}`)) continue;
    if (value instanceof Error) {
      pairs += ` ${key}=${text(value.message)}`;
      stacks += `\n${value.stack ?? String(value)}`.replaceAll("\n", "\n    ");
    } else {
      pairs += ` ${key}=${text(value)}`;
    }
  }
  return pairs + stacks;
}

function text(value: unknown): string {
  if (typeof value === "bigint" || value === undefined) return String(value);
  if (typeof value !== "string") return JSON.stringify(value) ?? String(value);
  return /^[\w.,:/@+~-]+$/.test(value) ? value : JSON.stringify(value);
}
