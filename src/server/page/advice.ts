import type { StorageStatus } from "../../storage/status.ts";

/** What to do about how a server is, in a sentence or two; `undefined` where all is well. */
export function adviceFor(status: string, storage: StorageStatus): string | undefined {
  switch (status) {
    case "stopping":
      return "The server stops: start it again, or wait for the one that takes its place.";
    case "full":
      return "The disk is full, so that nothing can be appended; reading goes on. Make room on it, or delete " +
        "streams. Appends are taken again by themselves.";
    case "out_of_files":
      return "No more files can be opened. Raise the limit (ulimit -n, LimitNOFILE= of systemd), or lower " +
        "--max-open-files and --max-connections.";
    case "unreachable":
      return "The NATS cluster can't be reached, or takes nothing. Look whether its servers run and have a " +
        "leader. All goes on by itself once they do.";
    case "failed":
      return "A write or a sync has failed, so nothing is written until the server is started again. Look at " +
        "the disk and the server's log, then restart it: what was acknowledged is kept.";
  }
  const { damagedStreams, damagedSubscriptions, failedCheckpoints } = storage.figures;
  if (damagedStreams > 0 || damagedSubscriptions > 0) {
    return "Something stored is damaged, and was set aside. Stop the server and run durable-streams check, " +
      "then durable-streams repair, which keeps the old bytes.";
  }
  return failedCheckpoints > 0
    ? "A checkpoint has failed since the start. The log keeps what it should have stored; look at the " +
      "server's log for why."
    : undefined;
}
