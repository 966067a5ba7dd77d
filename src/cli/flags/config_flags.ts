import { choiceFlag, fileFlag, type Flag, integerFlag, optionalFlag } from "./flag.ts";

/** The settings of configuration and of what is logged about requests. */
export const configFlags = {
  config: fileFlag({
    name: "config",
    defaultText: "none",
    help: "A file of settings, in TOML, with flags' names as keys. Flags and variables beat it.",
  }),
  accessLog: {
    ...optionalFlag(choiceFlag({
      name: "access-log",
      values: ["none", "text", "json"],
      default: "none",
      help:
        "A line for each request, of text or JSON, once its response begins; for SSE once it ends.",
    })),
    defaultText: "none; with --access-log-file or --log-level debug as --log-format",
  },
  accessLogFile: fileFlag({
    name: "access-log-file",
    placeholder: "path",
    defaultText: "stderr",
    help: "The file that the access log is appended to; opened anew at SIGHUP.",
  }),
  accessLogSample: integerFlag({
    name: "access-log-sample",
    min: 1,
    max: 1_000_000,
    default: 1_000,
    help: "How many lines of the access log there are in a second; those beyond are counted only.",
  }),
} satisfies Record<string, Flag<unknown>>;
