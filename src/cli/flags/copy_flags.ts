import { connectionFlags, jsonOutputFlag } from "./common_flags.ts";
import {
  durationFlag,
  type Flag,
  integerFlag,
  isPath,
  onSwitchFlag,
  optionalFlag,
  switchFlag,
  textFlag,
} from "./flag.ts";
import { tokenFlagsNamed } from "./token_flags.ts";

const HOUR_MS = 3_600_000;

/** Who copies is, for the server of each side. */
export const copyTokenFlags = {
  from: { ...tokenFlagsNamed("from-", "every request to the source") },
  to: { ...tokenFlagsNamed("to-", "every request to the target") },
};

const { headers, timeoutMs, retryMs, color } = connectionFlags;

/** The flags of `copy`. */
export const copyFlags = {
  from: sideFlag("from", "Where the streams are: what their URLs begin with, or a directory."),
  to: sideFlag("to", "Where they go: what their URLs begin with, or a directory."),
  names: switchFlag({
    name: "names",
    help: "The arguments are names of streams, for a server that lists none.",
    commandLineOnly: true,
  }),
  follow: switchFlag({
    name: "follow",
    short: "f",
    help: "Go on with what comes, and say when both are equal.",
    commandLineOnly: true,
  }),
  untilIdleMs: optionalFlag(durationFlag({
    name: "until-idle",
    min: 0,
    max: 24 * HOUR_MS,
    default: 0,
    help: "With --follow: end once both have been equal for so long.",
    commandLineOnly: true,
  })),
  skipExisting: switchFlag({
    name: "skip-existing",
    help: "A stream with other content at the target is left as it is, and is no failure.",
    commandLineOnly: true,
  }),
  check: onSwitchFlag({
    name: "check",
    help: "Don't read back what was appended.",
    commandLineOnly: true,
  }),
  dryRun: switchFlag({
    name: "dry-run",
    help: "Only print what would be copied, by what both say of the streams.",
    commandLineOnly: true,
  }),
  parallel: integerFlag({
    name: "parallel",
    min: 1,
    max: 256,
    default: 4,
    help: "How many streams are copied at once; each takes a few MiB.",
    commandLineOnly: true,
  }),
  offsets: optionalFlag(textFlag({
    name: "offsets",
    placeholder: "file",
    default: "",
    help:
      "Append to this file, a JSON object per line, which offset of the target is the source's.",
    accepts: "a path",
    check: isPath,
    commandLineOnly: true,
  })),
  json: jsonOutputFlag,
  fromToken: copyTokenFlags.from.token,
  fromTokenFile: copyTokenFlags.from.tokenFile,
  toToken: copyTokenFlags.to.token,
  toTokenFile: copyTokenFlags.to.tokenFile,
  headers,
  timeoutMs,
  retryMs,
  color,
};

function sideFlag(name: string, help: string): Flag<string | undefined> {
  return optionalFlag(textFlag({
    name,
    placeholder: "url|dir",
    default: "",
    help,
    accepts: "an http or https URL, or the path of a directory",
    check: isPath,
    commandLineOnly: true,
  }));
}
