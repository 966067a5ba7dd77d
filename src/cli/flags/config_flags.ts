import { choiceFlag, type Flag, integerFlag, optionalFlag, textFlag } from "./flag.ts";

const isPath = (text: string) => text !== "" && !text.includes("\0");

/** The settings of configuration and of what is logged about requests. */
export const configFlags = {
  config: {
    ...optionalFlag(textFlag({
      name: "config",
      placeholder: "file",
      default: "",
      help: "A file of settings, in TOML, with flags' names as keys. Flags and variables beat it.",
      accepts: "a path",
      check: isPath,
    })),
    defaultText: "none",
  },
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
  accessLogFile: {
    ...optionalFlag(textFlag({
      name: "access-log-file",
      placeholder: "path",
      default: "",
      help: "The file that the access log is appended to; opened anew at SIGHUP.",
      accepts: "a path",
      check: isPath,
    })),
    defaultText: "stderr",
  },
  accessLogSample: integerFlag({
    name: "access-log-sample",
    min: 1,
    max: 1_000_000,
    default: 1_000,
    help: "How many lines of the access log there are in a second; those beyond are counted only.",
  }),
} satisfies Record<string, Flag<unknown>>;
