import { jsonOutputFlag } from "./common_flags.ts";
import { fileFlag, type Flag, integerFlag, optionalFlag, sizeFlag, switchFlag } from "./flag.ts";
import { serveFlags } from "./serve_flags.ts";

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** The flags of `backup`. */
export const backupFlags = {
  dir: { ...serveFlags.dir, help: "The directory that keeps the streams." },
  storage: serveFlags.storage,
  to: pathFlag(
    "to",
    "folder|-",
    "The folder that backups are in; made if it is missing. - for stdout.",
  ),
  keep: optionalFlag(integerFlag({
    name: "keep",
    min: 1,
    max: 100_000,
    default: 1,
    help: "Once it has ended, remove the oldest backups in the folder, but for so many.",
    commandLineOnly: true,
  })),
  rate: sizeFlag({
    name: "rate",
    min: 0,
    max: 64 * GIB,
    default: 100 * MIB,
    help: "How much is read a second at most, for a server that goes on; 0 for as much as can be.",
    commandLineOnly: true,
  }),
  tempDir: pathFlag(
    "temp-dir",
    "path",
    "With --to -: where the catalogue and the log are meanwhile. The system's, unless given.",
  ),
  json: jsonOutputFlag,
};

/** The flags of `restore`. */
export const restoreFlags = {
  from: pathFlag(
    "from",
    "path|-",
    "A backup, the folder that backups are in, or a tar file; - for stdin.",
  ),
  to: pathFlag("to", "dir", "The directory to make, missing or empty."),
  check: switchFlag({
    name: "check",
    help: "Only check the backup.",
    commandLineOnly: true,
  }),
  list: switchFlag({
    name: "list",
    help: "Only print which backups are in the folder.",
    commandLineOnly: true,
  }),
  allowDamaged: switchFlag({
    name: "allow-damaged",
    help: "Also a backup of a directory that was damaged when it was made.",
    commandLineOnly: true,
  }),
  json: jsonOutputFlag,
};

function pathFlag(name: string, placeholder: string, help: string): Flag<string | undefined> {
  return fileFlag({ name, placeholder, defaultText: "", help, commandLineOnly: true });
}
