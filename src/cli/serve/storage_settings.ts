import { resolve } from "node:path";
import { parseServerUrl } from "../../storage/nats/connection/options.ts";
import type { Storage } from "../../storage/storage.ts";
import type { FlagValues } from "../flags/flag_values.ts";
import { checkNatsFlags, natsOptions, type UselessFlag } from "../flags/nats_flags.ts";
import { serveFlags as flags } from "../flags/serve_flags.ts";

const OF_FILES = "for streams that are kept in a directory";

/** What a storage in a cluster has no use for, or can't do. */
const NOT_IN_A_CLUSTER: readonly UselessFlag[] = [
  { flag: flags.dir, reason: OF_FILES },
  { flag: flags.mustExist, reason: OF_FILES },
  {
    flag: flags.fsync,
    reason: `${OF_FILES}: what NATS servers sync, their own sync_interval says`,
  },
  { flag: flags.fsyncIntervalMs, reason: OF_FILES },
  { flag: flags.segmentBytes, reason: OF_FILES },
  { flag: flags.walBytes, reason: OF_FILES },
  { flag: flags.maxOpenFiles, reason: OF_FILES },
  { flag: flags.compactionShare, reason: OF_FILES },
  { flag: flags.compactionMemory, reason: OF_FILES },
  { flag: flags.quotas, reason: "a quota, and what is in a cluster isn't counted" },
];

/**
 * Checks that the flags go together with where streams are kept.
 *
 * @throws {UsageError} what is wrong and what would be right
 */
export function checkStorage(values: FlagValues): void {
  checkNatsFlags(values, values.get(flags.storage), NOT_IN_A_CLUSTER);
}

/**
 * Opens the storage in a cluster, and waits for one that can't be reached.
 *
 * @throws {JetStreamError} `unsuitable`
 * @throws {StreamError} `damaged`
 * @throws {RangeError} where a file can't be read
 */
export async function openClusterStorage(values: FlagValues): Promise<Storage> {
  const { openNatsStorage } = await import("../../storage/nats/connection/open_nats_storage.ts");
  return await openNatsStorage({
    ...natsOptions(values),
    maxProducersPerStream: values.get(flags.maxProducers),
    maxQueuedBytes: values.get(flags.maxQueuedBytes),
    maxSubscriptions: values.get(flags.maxSubscriptions),
  });
}

/** Where streams are kept and what syncs them, for the log; no secrets. */
export function whereStreamsAre(values: FlagValues): Record<string, string> {
  switch (values.get(flags.storage)) {
    case "memory":
      return { dir: "none, streams are kept in memory", fsync: "never" };
    case "nats":
      return { nats: natsOptions(values).servers.map(shownServer).join(",") };
    default:
      return { dir: resolve(values.get(flags.dir)), fsync: values.get(flags.fsync) };
  }
}

function shownServer(url: string): string {
  const { address, isTls } = parseServerUrl(url);
  return `${isTls ? "tls" : "nats"}://${address}`;
}
