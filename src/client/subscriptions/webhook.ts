import { type Clock, systemClock } from "../../env/clock.ts";
import { type Bytes, toBytes } from "../../protocol/bytes.ts";
import {
  parseWebhookSignature,
  REPLAY_WINDOW_SECONDS,
  signedContent,
  WEBHOOK_SIGNATURE,
} from "../../protocol/webhook_signature.ts";
import { ClientError } from "../errors/client_error.ts";
import { invalidArgument } from "../errors/invalid_argument.ts";
import { reasonOf } from "../errors/reason.ts";
import type { FetchTransportOptions } from "../transport/transport.ts";
import { JsonFields } from "./json_fields.ts";
import { findKey, isJwkSet, type Jwk, type JwkSet, verifySignature } from "./jwk_set.ts";
import { RemoteKeys } from "./remote_keys.ts";
import { type WakeStream, wakeStreamIn } from "./wake_stream.ts";

/** A webhook as it arrived, if there is no `Request`. */
export interface ReceivedWebhook {
  /** A header with several values is a list; names in any case. */
  readonly headers:
    | Headers
    | Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The body's bytes exactly as they arrived; JSON that was parsed and serialized again isn't signed. */
  readonly body: Uint8Array | string;
}

/** How {@link verifyWebhook} verifies. */
export interface VerifyWebhookOptions {
  /** The subscription, or those, that this endpoint is for (PROTOCOL §12.10); any unless given. */
  subscriptionId?: string | readonly string[] | undefined;
  /** How far the signature's time may be from now, either way; 300 s. */
  replayWindowMs?: number | undefined;
  /** Fetches a key set from its URL; the global `fetch`. */
  fetch?: FetchTransportOptions["fetch"];
  /** The source of time. */
  clock?: Clock | undefined;
}

/** What a verified webhook says (PROTOCOL §7.1). */
export interface WebhookWake {
  subscriptionId: string;
  /** Unique: a repeated delivery has the same. */
  wakeId: string;
  /** Grows by one with each wake of the subscription. */
  generation: number;
  /** The streams that have something pending. */
  streams: WakeStream[];
  /** Takes acks, if the webhook isn't answered with `{"done": true}`. */
  callbackUrl: string;
  /** The bearer token for that. */
  callbackToken: string;
  /** The body as it arrived. */
  raw: Bytes;
}

/** URLs come from the program, never from a request; more than a few are a mistake. */
const URLS_LIMIT = 100;

/** The key sets by their URLs, for each `fetch` that they are fetched with. */
const remoteKeys = new WeakMap<object, Map<string, RemoteKeys>>();
const GLOBAL_FETCH = {};

/**
 * Verifies that a webhook was sent by the server whose keys are given, not long ago, and returns what it
 * says (PROTOCOL §7.1, §12.10). A `Request` is read; `raw` has its body.
 *
 * It needs WebCrypto with Ed25519: Deno, Bun, Node 20, workers and current browsers have it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { ClientError } from "../errors/client_error.ts";
 * import { verifyWebhook } from "./webhook.ts";
 *
 * async function receive(request: Request): Promise<Response> {
 *   try {
 *     const wake = await verifyWebhook(request, "http://127.0.0.1:4437/v1/stream/__ds/jwks.json");
 *     console.log(wake.streams.map(({ path }) => path));
 *     return Response.json({ done: true });
 *   } catch (error) {
 *     if (error instanceof ClientError && error.code === "invalid_webhook") {
 *       return new Response(error.message, { status: 401 });
 *     }
 *     throw error;
 *   }
 * }
 *
 * const forged = new Request("http://localhost/hook", { method: "POST", body: "{}" });
 * assert((await receive(forged)).status === 401);
 * ```
 *
 * @param jwks the server's JWK Set, or its URL: the `jwks_url` of the subscription. From there it is fetched,
 *   kept for as long as the response allows, and fetched again for an unknown key, once in 5 s.
 * @throws {ClientError} `invalid_webhook` if it isn't signed by one of the keys, is too old, or is for
 *   another subscription; `unsupported` if the runtime has no Ed25519; if the keys can't be fetched, what that
 *   failed with
 */
export async function verifyWebhook(
  request: Request | ReceivedWebhook,
  jwks: JwkSet | string | URL,
  options: VerifyWebhookOptions = {},
): Promise<WebhookWake> {
  const clock = options.clock ?? systemClock;
  const { timestamp, kid, signature } = signatureIn(request);
  const windowMs = options.replayWindowMs ?? REPLAY_WINDOW_SECONDS * 1_000;
  if (!(Math.abs(clock.nowMs() - timestamp * 1_000) <= windowMs)) {
    throw rejected(
      `was signed at ${timestamp} s, too far from now; clocks may differ by ${windowMs / 1_000} s`,
    );
  }
  const key = await keyOf(jwks, kid, clock, options.fetch);
  if (key === undefined) throw rejected(`is signed with the key ${kid}, which isn't in the set`);
  const raw = await bodyOf(request);
  const content = signedContent(timestamp, raw);
  if (!await verifySignature(key, signature, content).catch(cannotVerify)) {
    throw rejected(
      "has a signature that isn't its body's; it has to be the bytes as they came, not JSON made again",
    );
  }
  const wake = parseWake(raw);
  const expected = options.subscriptionId ?? wake.subscriptionId;
  if (![expected].flat().includes(wake.subscriptionId)) {
    throw rejected(`is for another subscription, ${JSON.stringify(wake.subscriptionId)}`);
  }
  return wake;
}

function signatureIn({ headers }: Request | ReceivedWebhook) {
  const header = headerOf(headers);
  if (header === undefined) throw rejected("has no Webhook-Signature");
  const signature = parseWebhookSignature(header);
  if (signature !== undefined) return signature;
  throw rejected("has a Webhook-Signature that isn't t=…,kid=…,ed25519=…");
}

function headerOf(headers: ReceivedWebhook["headers"]): string | undefined {
  if (headers instanceof Headers) return headers.get(WEBHOOK_SIGNATURE) ?? undefined;
  const [value] = Object.entries(headers)
    .filter(([name]) => name.toLowerCase() === WEBHOOK_SIGNATURE)
    .map(([, value]) => value);
  return value === undefined || typeof value === "string" ? value : value.join(", ");
}

async function keyOf(
  jwks: JwkSet | string | URL,
  kid: string,
  clock: Clock,
  fetch: FetchTransportOptions["fetch"],
): Promise<Jwk | undefined> {
  if (typeof jwks === "string" || jwks instanceof URL) {
    return await remoteKeysOf(String(jwks), fetch).find(kid, clock);
  }
  if (isJwkSet(jwks)) return findKey(jwks, kid);
  throw invalidArgument("jwks", jwks, "a JWK Set, { keys: […] }, or its URL");
}

function remoteKeysOf(url: string, fetch: FetchTransportOptions["fetch"]): RemoteKeys {
  if (!URL.canParse(url)) throw invalidArgument("jwks", url, "a JWK Set, or its whole URL");
  const owner = fetch ?? GLOBAL_FETCH;
  let sets = remoteKeys.get(owner);
  const known = sets?.get(url);
  if (known !== undefined) return known;
  if (sets === undefined || sets.size >= URLS_LIMIT) {
    sets = new Map<string, RemoteKeys>();
    remoteKeys.set(owner, sets);
  }
  const keys = new RemoteKeys(url, fetch);
  sets.set(url, keys);
  return keys;
}

async function bodyOf(request: Request | ReceivedWebhook): Promise<Bytes> {
  if (!("arrayBuffer" in request)) return toBytes(request.body);
  if (request.bodyUsed) {
    throw new ClientError(
      "invalid_argument",
      "The request's body was read before: give { headers, body } with the bytes that were read.",
    );
  }
  return new Uint8Array(await request.arrayBuffer());
}

/** A runtime without Ed25519, or without WebCrypto, as on a page that isn't served over https. */
function cannotVerify(error: unknown): never {
  const message = `Ed25519 signatures can't be verified here: ${reasonOf(error)}`;
  throw new ClientError("unsupported", message, { cause: error });
}

function parseWake(raw: Bytes): WebhookWake {
  try {
    const fields = JsonFields.parse(raw);
    return {
      subscriptionId: fields.text("subscription_id"),
      wakeId: fields.text("wake_id"),
      generation: fields.integer("generation"),
      streams: fields.objects("streams").map(wakeStreamIn),
      callbackUrl: fields.text("callback_url"),
      callbackToken: fields.text("callback_token"),
      raw,
    };
  } catch (error) {
    throw rejected("is signed but says nothing about a wake", error);
  }
}

function rejected(why: string, cause?: unknown): ClientError {
  return new ClientError("invalid_webhook", `The webhook ${why}.`, { cause });
}
