import type { Msg } from "@nats-io/transport-node";
import { decodeUtf8, encodeUtf8 } from "../../../protocol/bytes.ts";
import type { PublishOutcome } from "../jetstream.ts";
import { ApiError, ApiErrorCode } from "./api_error.ts";
import { numberIn, parseObject } from "./json.ts";
import { statusOf } from "./requests.ts";

const BEGIN = encodeUtf8('{"stream":"');
const MIDDLE = encodeUtf8('"seq":');
const [QUOTE, COMMA, SPACE, BRACE, DIGIT_0] = [34, 44, 32, 125, 48];
/** As far as a number of so many digits can be relied on. */
const LIMIT_DIGITS = 15;

/**
 * The sequence in an answer as servers write it where they have stored a message: `{"stream":"L","seq":17}`, with
 * or without more. 0 where it is written otherwise. Its text isn't made, which takes as long as all the rest.
 */
function storedSequence(data: Uint8Array): number {
  for (let i = 0; i < BEGIN.length; i++) if (data[i] !== BEGIN[i]) return 0;
  let at = data.indexOf(QUOTE, BEGIN.length) + 1;
  if (at === 0 || data[at++] !== COMMA) return 0;
  if (data[at] === SPACE) at++;
  for (let i = 0; i < MIDDLE.length; i++) if (data[at++] !== MIDDLE[i]) return 0;
  let sequence = 0;
  for (const end = at + LIMIT_DIGITS; at < end; at++) {
    const digit = (data[at] ?? 0) - DIGIT_0;
    if (digit < 0 || digit > 9) break;
    sequence = sequence * 10 + digit;
  }
  return data[at] === COMMA || data[at] === BRACE ? sequence : 0;
}

/** What an answer to a publish says. */
export function outcomeOf(message: Msg): PublishOutcome {
  if (statusOf(message) === 503) {
    return { kind: "unavailable", reason: "no server leads what this subject belongs to" };
  }
  return outcomeOfAnswer(message.data);
}

/** What the bytes of an answer to a publish say. */
export function outcomeOfAnswer(data: Uint8Array): PublishOutcome {
  const stored = storedSequence(data);
  if (stored > 0) return { kind: "stored", sequence: stored };
  const answer = parseObject(decodeUtf8(data));
  const error = ApiError.of(answer);
  if (error !== undefined) return outcomeOfError(error);
  const sequence = numberIn(answer["seq"]);
  return sequence > 0
    ? { kind: "stored", sequence }
    : { kind: "unknown", reason: "an answer that is none of JetStream's" };
}

/** Whether a batch was refused only because the log has too many open ones. */
export function hasTooManyBatches(message: Msg): boolean {
  return ApiError.of(parseObject(message.string()))?.code === ApiErrorCode.tooManyBatches;
}

/** What a refusal says of whether the message may yet be stored. */
function outcomeOfError(error: ApiError): PublishOutcome {
  const reason = `${error.message} (${error.code})`;
  switch (error.code) {
    case ApiErrorCode.wrongLastSequence:
      return { kind: "refused", lastSequence: sequenceIn(error.message) };
    case ApiErrorCode.somethingInFlight:
      return { kind: "refused", lastSequence: undefined };
    case ApiErrorCode.accountLimits:
    case ApiErrorCode.insufficientResources:
    case ApiErrorCode.memoryExceeded:
    case ApiErrorCode.storageExceeded:
      return { kind: "full", reason };
    case ApiErrorCode.storeFailed:
      // Limits are looked at before the replicas hear of a message. With any other failure the leader couldn't
      // write what the others may have written.
      return error.message.startsWith("maximum ")
        ? { kind: "full", reason }
        : { kind: "unknown", reason };
    case ApiErrorCode.tooManyBatches:
    case ApiErrorCode.tooManyRequests:
    // Ours are always whole: a part was lost, or another leader hasn't had those before it.
    case ApiErrorCode.incompleteBatch:
    case ApiErrorCode.clusterNotAvailable:
    case ApiErrorCode.clusterNotLeader:
    case ApiErrorCode.notEnabled:
    case ApiErrorCode.notEnabledForAccount:
    case ApiErrorCode.streamOffline:
      return { kind: "unavailable", reason };
    default:
      return error.status >= 500 ? { kind: "unknown", reason } : { kind: "rejected", reason };
  }
}

/** `wrong last sequence: 17` */
function sequenceIn(description: string): number | undefined {
  const match = /: (\d+)$/.exec(description);
  const sequence = Number(match?.[1] ?? "none");
  return Number.isSafeInteger(sequence) ? sequence : undefined;
}
