import { getLogger } from "@logtape/logtape";
import { Backoff } from "../../../env/backoff.ts";
import { type Clock, systemClock } from "../../../env/clock.ts";
import { StreamError } from "../../../protocol/errors.ts";
import type { Storage } from "../../storage.ts";
import { pause } from "../cluster/pause.ts";
import { JetStreamError, type SyncSetting } from "../jetstream.ts";
import { openNatsStorage as openOver } from "../open.ts";
import type { NatsStorageOptions } from "../options.ts";
import { connectJetStream } from "./nats_jetstream.ts";
import type { ConnectionEvent, NatsOptions } from "./options.ts";

const logger = getLogger(["durable-streams", "storage", "nats"]);

/** So long a cluster is waited for, unless it is said otherwise. */
const OPEN_LIMIT_MS = 10_000;
const LONGEST_WAIT_MS = 4_000;

/** How a cluster is reached, and how the storage in it is. */
export interface NatsClusterOptions
  extends
    Omit<NatsOptions, "firstConnectionMs" | "onEvent">,
    Omit<NatsStorageOptions, "jetStream" | "observer" | "connection"> {
  /**
   * How long a cluster that can't be reached, or is without a quorum, is waited for, in ms; 10 s. Infinity:
   * until it is there.
   */
  readonly openLimitMs?: number | undefined;
}

/**
 * Opens the storage in a cluster of NATS servers; makes its logs where there are none. It logs what becomes
 * of the connection, and warns where what was acknowledged isn't synced.
 *
 * @throws {StreamError} `storage_unreachable` where the cluster wasn't there in time; `damaged`
 * @throws {JetStreamError} `unavailable` in the same case; `unsuitable` where a server is older than 2.15, has
 * no JetStream for who asks, refuses who asks, or has logs of other programs by these names
 * @throws {RangeError} where an option is wrong; the message shows no secrets
 */
export async function openNatsStorage(options: NatsClusterOptions): Promise<Storage> {
  const { clock = systemClock, random = Math.random } = options;
  const endMs = clock.nowMs() + (options.openLimitMs ?? OPEN_LIMIT_MS);
  const backoff = new Backoff({ maxDelayMs: LONGEST_WAIT_MS, random });
  for (;;) {
    try {
      return await openOnce(options, clock, Math.max(0, endMs - clock.nowMs()));
    } catch (error) {
      if (!mayPass(error) || clock.nowMs() >= endMs) throw error;
      const retryInMs = Math.round(backoff.next());
      logger.warn("the cluster isn't ready: {reason}", { reason: messageOf(error), retryInMs });
      await pause(clock, retryInMs);
    }
  }
}

async function openOnce(
  options: NatsClusterOptions,
  clock: Clock,
  firstConnectionMs: number,
): Promise<Storage> {
  const connection = { reconnects: -1 };
  const onEvent = (event: ConnectionEvent) => {
    if (event.kind === "connected") connection.reconnects++;
    report(event);
  };
  const jetStream = await connectJetStream({ ...options, firstConnectionMs, onEvent });
  try {
    const storage = await openOver({ ...options, clock, jetStream, connection });
    reportSync(await jetStream.syncSetting());
    return storage;
  } catch (error) {
    await jetStream.close();
    throw error;
  }
}

/** Whether it may be otherwise soon. */
function mayPass(error: unknown): boolean {
  return error instanceof JetStreamError
    ? error.code === "unavailable"
    : error instanceof StreamError && error.code === "storage_unreachable";
}

function report({ kind, ...rest }: ConnectionEvent): void {
  if (kind === "connected") logger.info("connected to the cluster", rest);
  else if (kind === "disconnected") logger.warn("the connection to the cluster has ended", rest);
  else if (kind === "failed") logger.warn("the cluster can't be reached", rest);
  else logger.error("a server forbids what the storage needs", rest);
}

function reportSync(setting: SyncSetting): void {
  if (setting.kind === "always") return;
  const how = setting.kind === "interval"
    ? `the servers sync what they have acknowledged only every ${setting.intervalMs / 1000} s`
    : "no monitoring port of every server tells whether they sync what they acknowledge";
  logger.warn(
    `${how}: unless sync_interval is always, machines that lose power at once can lose acknowledged ` +
      "appends",
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
