/** What the reply subject of a consumer's message tells. */
export interface Delivery {
  readonly sequence: number;
  /** Counts the messages that this consumer has sent. */
  readonly consumerSequence: number;
  readonly atMs: number;
  /** How many more there are. */
  readonly pending: number;
}

const TOKENS = 9;
const TOKENS_WITH_DOMAIN = 11;
const NS_DIGITS_BELOW_MS = 6;

/**
 * Reads `$JS.ACK.LOG.CONSUMER.DELIVERED.SEQUENCE.CONSUMER_SEQUENCE.TIME.PENDING`, or with the domain and the
 * account's hash behind `$JS.ACK`; undefined where it is neither.
 */
export function deliveryOf(reply: string): Delivery | undefined {
  const tokens = reply.split(".");
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK") return undefined;
  const first = tokens.length >= TOKENS_WITH_DOMAIN ? 7 : tokens.length === TOKENS ? 5 : undefined;
  if (first === undefined) return undefined;
  const [sequence = "", consumerSequence = "", atNs = "", pending = ""] = tokens.slice(first);
  return {
    sequence: Number(sequence),
    consumerSequence: Number(consumerSequence),
    // Nanoseconds since 1970 are more than a number holds.
    atMs: Number(atNs.slice(0, -NS_DIGITS_BELOW_MS)),
    pending: Number(pending),
  };
}
