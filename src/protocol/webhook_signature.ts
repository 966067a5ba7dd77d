import { type Bytes, concatBytes, encodeUtf8 } from "./bytes.ts";

/** The header that a webhook is signed in (PROTOCOL §7.1). */
export const WEBHOOK_SIGNATURE = "webhook-signature";

/** Receivers accept a signature for this long after its time, and before it. */
export const REPLAY_WINDOW_SECONDS = 300;

/** What the header says. */
export interface WebhookSignature {
  /** Seconds since 1970. */
  readonly timestamp: number;
  /** Which key of the JWK Set. */
  readonly kid: string;
  /** The Ed25519 signature's 64 bytes in unpadded base64url. */
  readonly signature: string;
}

const HEADER = /^t=(0|[1-9]\d{0,14}),kid=([\w-]{1,128}),ed25519=([\w-]{86})$/;

/** The header's value: `t=…,kid=…,ed25519=…`. */
export function formatWebhookSignature({ timestamp, kid, signature }: WebhookSignature): string {
  return `t=${timestamp},kid=${kid},ed25519=${signature}`;
}

/**
 * Reads the header's value; its parameters have to be in the protocol's order.
 *
 * @returns `undefined` where it isn't one
 */
export function parseWebhookSignature(header: string): WebhookSignature | undefined {
  const [, timestamp, kid, signature] = HEADER.exec(header) ?? [];
  if (timestamp === undefined || kid === undefined || signature === undefined) return undefined;
  return { timestamp: Number(timestamp), kid, signature };
}

/** The bytes that are signed: `<timestamp>.<raw body>`. */
export function signedContent(timestamp: number, body: Bytes): Bytes {
  return concatBytes([encodeUtf8(`${timestamp}.`), body]);
}
