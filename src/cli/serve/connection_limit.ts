import type { FlagValues } from "../flags/flag_values.ts";
import { serveFlags as flags } from "../flags/serve_flags.ts";

/** The limit if the system doesn't report one: the runtimes raise it to this on macOS. */
const USUAL_OPEN_FILES = 10_240;
/** For the catalogue, the log, the directories, and connections that are being rejected. */
const RESERVED_FILES = 128;
/** A thread has some of its own. */
const FILES_PER_THREAD = 16;
const FEWEST_CONNECTIONS = 16;
const MOST_CONNECTIONS = 10_000_000;

/** How many connections may be open at once. */
export interface ConnectionLimit {
  readonly connections: number;
  /** A warning if that many can't be open; `undefined` if they can. */
  readonly warning: string | undefined;
}

/**
 * The value of `--max-connections`, or the process's limit of open files less what else needs them.
 *
 * @param openFiles how many files the process may have open, `undefined` if that is unknown
 */
export function connectionLimit(
  values: FlagValues,
  openFiles: number | undefined,
): ConnectionLimit {
  const streams = values.get(flags.storage) === "file" ? values.get(flags.maxOpenFiles) : 0;
  const threads = values.get(flags.workers);
  const own = streams + RESERVED_FILES + FILES_PER_THREAD * threads;
  const room = (openFiles ?? USUAL_OPEN_FILES) - own;
  const fewest = Math.max(FEWEST_CONNECTIONS, threads);
  const connections = values.get(flags.maxConnections) ??
    Math.min(Math.max(room, fewest), MOST_CONNECTIONS);
  const isTooMany = openFiles !== undefined && connections > room;
  return {
    connections,
    warning: isTooMany
      ? `${connections} connections and ${own} files may be open, but this process may open only ` +
        `${openFiles}: raise that limit (ulimit -n), or lower --max-connections or --max-open-files`
      : undefined,
  };
}
