import type { StorageStatus } from "../../storage/status.ts";
import type { ServerContext } from "./context.ts";

/** Whether a server takes reads and writes: `ok`, or why not. */
export type Readiness = StorageStatus["state"] | "stopping";

/** How the server is: `stopping` once nobody is to wait any more, else as its storage. */
export function readiness({ storage, liveReaders }: ServerContext): Readiness {
  return liveReaders.isStopping ? "stopping" : storage.status().state;
}
