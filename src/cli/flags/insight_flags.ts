import { isPattern } from "../../protocol/name_pattern.ts";
import { dependentSwitchFlag, dependentTextFlag, type FlagTable } from "./flag.ts";

/** The settings of `serve` that tell what the server does. */
export const insightFlags = {
  page: dependentSwitchFlag({
    name: "page",
    defaultText: "on with access control or where --host is a loopback address, else off",
    help:
      "Show a page to look at the streams and the server with, at /ui and, in a browser, at /. It asks for " +
      "a token where one is needed. Not with --prefix /, but for /.",
  }),
  metrics: dependentTextFlag({
    name: "metrics",
    placeholder: "path",
    defaultText: "/metrics with access control or where --host is a loopback address, else none",
    help: "Path of the metrics, for Prometheus; none for no metrics.",
    accepts: "none, or a path that begins with /, of letters, digits and . _ ~ -",
    check: (text) => text === "none" || /^(\/(?!\.{1,2}(\/|$))[\w.~-]+)+$/.test(text),
  }),
  metricsStreams: dependentTextFlag({
    name: "metrics-streams",
    placeholder: "pattern",
    defaultText: "none",
    help:
      "The streams that have a metric each, how far they go; the first 1,000 by their names. Their names " +
      "are in the metrics then.",
    accepts: "a pattern such as logs/*, where * is one segment of a name and ** any number",
    check: isPattern,
  }),
} satisfies FlagTable;
