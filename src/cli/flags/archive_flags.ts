import { connectionFlags, jsonOutputFlag } from "./common_flags.ts";
import { copyFlags, copyTokenFlags } from "./copy_flags.ts";
import { fileFlag, type Flag, isPath, optionalFlag, switchFlag, textFlag } from "./flag.ts";

const { headers, timeoutMs, retryMs, color } = connectionFlags;
const shared = { json: jsonOutputFlag, headers, timeoutMs, retryMs, color };

/** The flags of `export`. */
export const exportFlags = {
  from: copyFlags.from,
  to: archiveFlag("to", "The file to write, or to go on with; - for stdout."),
  names: copyFlags.names,
  fromToken: copyTokenFlags.from.token,
  fromTokenFile: copyTokenFlags.from.tokenFile,
  ...shared,
};

/** The flags of `import`. */
export const importFlags = {
  from: archiveFlag("from", "The file that `export` wrote; - for stdin."),
  to: copyFlags.to,
  skipExisting: switchFlag({
    name: "skip-existing",
    help: "A stream with other content at the target is left as it is, and is no failure.",
    commandLineOnly: true,
  }),
  check: copyFlags.check,
  tempDir: fileFlag({
    name: "temp-dir",
    placeholder: "path",
    defaultText: "",
    help: "Where a stream waits until all of it was read. The system's, unless given.",
    commandLineOnly: true,
  }),
  toToken: copyTokenFlags.to.token,
  toTokenFile: copyTokenFlags.to.tokenFile,
  ...shared,
};

function archiveFlag(name: string, help: string): Flag<string | undefined> {
  return optionalFlag(textFlag({
    name,
    placeholder: "file|-",
    default: "",
    help,
    accepts: "a path, or -",
    check: isPath,
    commandLineOnly: true,
  }));
}
