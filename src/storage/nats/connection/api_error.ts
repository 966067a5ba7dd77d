import { JetStreamError } from "../jetstream.ts";
import { numberIn, objectIn, textIn } from "./json.ts";

/** Numbers of JetStream's errors, which are its interface; its texts are not. */
export const ApiErrorCode = {
  accountLimits: 10002,
  clusterNotAvailable: 10008,
  clusterNotLeader: 10009,
  consumerNotFound: 10014,
  insufficientResources: 10023,
  memoryExceeded: 10028,
  noMessage: 10037,
  notEnabledForAccount: 10039,
  storageExceeded: 10047,
  nameInUse: 10058,
  streamNotFound: 10059,
  wrongLastSequence: 10071,
  replicasNeedCluster: 10074,
  notEnabled: 10076,
  storeFailed: 10077,
  streamOffline: 10118,
  somethingInFlight: 10164,
  tooManyRequests: 10167,
  incompleteBatch: 10176,
  tooManyBatches: 10210,
} as const;

/** An error in an answer of JetStream. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** As in HTTP. */
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, description: string) {
    super(description);
    this.status = status;
    this.code = code;
  }

  /** The error of an answer; undefined where it has none. */
  static of(answer: Record<string, unknown>): ApiError | undefined {
    if (answer["error"] === undefined) return undefined;
    const error = objectIn(answer["error"]);
    return new ApiError(
      numberIn(error["code"]),
      numberIn(error["err_code"]),
      textIn(error["description"]),
    );
  }

  /** What it is to who asked for something that was right. */
  toJetStreamError(what: string): JetStreamError {
    const message = `${what}: ${this.message} (${this.code})`;
    return new JetStreamError("unavailable", message, { cause: this });
  }
}
