import { JetStreamError, type LogConfig } from "../jetstream.ts";
import { ApiError, ApiErrorCode } from "./api_error.ts";
import { numberIn, objectIn } from "./json.ts";
import { streamConfigOf, unsuitableConfig } from "./log_config.ts";
import type { Requests } from "./requests.ts";

/** Refusals of a configuration that are otherwise soon: servers that are away, or don't know their leader yet. */
const PASSING: ReadonlySet<number> = new Set([
  10005,
  ApiErrorCode.clusterNotAvailable,
  ApiErrorCode.clusterNotLeader,
  ApiErrorCode.insufficientResources,
  ApiErrorCode.streamOffline,
]);

/**
 * Makes a log, or looks at the one that is there.
 *
 * @returns how many replicas it has
 * @throws {JetStreamError} `unavailable`, or `unsuitable` with what about it is wrong
 */
export async function ensureLog(requests: Requests, config: LogConfig): Promise<number> {
  const found = await findLog(requests, config.name) ?? await createLog(requests, config);
  const reason = unsuitableConfig(found, config);
  if (reason !== undefined) {
    const message = `The JetStream stream ${config.name} isn't as this program makes it: ${reason}`;
    throw new JetStreamError("unsuitable", message);
  }
  return numberIn(found["num_replicas"]);
}

/** Removes a subject's messages up to a sequence, and with it. */
export async function purgeSubject(
  requests: Requests,
  log: string,
  subject: string,
  upToSequence: number,
): Promise<void> {
  try {
    const which = { filter: subject, seq: upToSequence + 1 };
    await requests.api(`STREAM.PURGE.${log}`, which);
  } catch (error) {
    throw error instanceof ApiError ? error.toJetStreamError(log) : error;
  }
}

/** The sequence of a log's newest message. */
export async function endOfLog(requests: Requests, log: string): Promise<number> {
  try {
    const answer = await requests.api(`STREAM.INFO.${log}`, {});
    return numberIn(objectIn(answer["state"])["last_seq"]);
  } catch (error) {
    throw error instanceof ApiError ? error.toJetStreamError(log) : error;
  }
}

async function findLog(
  requests: Requests,
  name: string,
): Promise<Record<string, unknown> | undefined> {
  try {
    return objectIn((await requests.api(`STREAM.INFO.${name}`, {}))["config"]);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.code === ApiErrorCode.streamNotFound) return undefined;
    throw error.toJetStreamError(name);
  }
}

async function createLog(requests: Requests, config: LogConfig): Promise<Record<string, unknown>> {
  try {
    const wanted = streamConfigOf(config);
    return objectIn((await requests.api(`STREAM.CREATE.${config.name}`, wanted))["config"]);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // Another front end was quicker, with other wishes.
    const found = error.code === ApiErrorCode.nameInUse
      ? await findLog(requests, config.name)
      : undefined;
    if (found !== undefined) return found;
    if (PASSING.has(error.code)) throw error.toJetStreamError(config.name);
    const message =
      `The JetStream stream ${config.name} can't be made: ${error.message} (${error.code})`;
    throw new JetStreamError("unsuitable", message, { cause: error });
  }
}
