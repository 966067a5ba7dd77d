import { StreamError } from "../../protocol/errors.ts";
import { parsePattern } from "../../protocol/name_pattern.ts";
import { type FlagTable, optionalFlag, textFlag } from "./flag.ts";

/** The settings of `serve` that tell what the server does. */
export const insightFlags = {
  metrics: {
    ...optionalFlag(textFlag({
      name: "metrics",
      placeholder: "path",
      default: "/metrics",
      help: "Path of the metrics, for Prometheus; none for no metrics.",
      accepts: "none, or a path that begins with /, of letters, digits and . _ ~ -",
      check: (text) => text === "none" || /^(\/(?!\.{1,2}(\/|$))[\w.~-]+)+$/.test(text),
    })),
    defaultText: "/metrics with access control or where --host is a loopback address, else none",
  },
  metricsStreams: {
    ...optionalFlag(textFlag({
      name: "metrics-streams",
      placeholder: "pattern",
      default: "",
      help:
        "The streams that have a metric each, how far they go; the first 1,000 by their names. Their names " +
        "are in the metrics then.",
      accepts: "a pattern such as logs/*, where * is one segment of a name and ** any number",
      check: isPattern,
    })),
    defaultText: "none",
  },
} satisfies FlagTable;

function isPattern(text: string): boolean {
  try {
    parsePattern(text);
    return true;
  } catch (error) {
    if (error instanceof StreamError) return false;
    throw error;
  }
}
