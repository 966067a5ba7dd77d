import { Client } from "../../../client/client.ts";
import { connect, type Connection } from "../../../client/transport/connection.ts";
import { withAdditions } from "../../../client/transport/headers_option.ts";
import { withRetry } from "../../../client/transport/retry.ts";
import { StreamUrls } from "../../../client/transport/stream_url.ts";
import {
  fetchTransport,
  type Middleware,
  type Transport,
} from "../../../client/transport/transport.ts";
import type { FlagValues } from "../../flags/flag_values.ts";
import type { CommandContext } from "../../context/command_context.ts";
import { connectionFlags } from "../../flags/common_flags.ts";
import { withUnreachable } from "./unreachable.ts";
import { locate, shownUrl } from "./location.ts";
import { withRetryNotices } from "./retry_notices.ts";
import { withSessionToken } from "./session_token.ts";

/** A command's connection to its server. */
export interface Session {
  readonly client: Client;
  /** The same server, for requests that the client has no method for. */
  readonly connection: Connection;
  /** Sends the requests of both. */
  readonly transport: Transport;
  /** What the streams' URLs begin with. */
  readonly baseUrl: string;
  /** That for messages, without secrets. */
  readonly shownUrl: string;
  /** The streams that the command's arguments name. */
  readonly names: readonly string[];
  /** How long a transfer keeps trying after the server was lost. */
  readonly maxElapsedMs: number;
}

/** How long the first request is tried: a server that isn't there should be reported soon. */
const FIRST_RETRY_MS = 1_000;
const TRANSFER_RETRY_MS = 30_000;
/** Longer than a server holds a live read. */
const LIVE_TIMEOUT_MS = 90_000;

/**
 * Repeats requests for as long as a transfer may wait once the server has been reached, and for a second
 * before: for a command that also does else than read and append.
 */
export function withTransferRetry(
  values: FlagValues,
  { clock }: CommandContext,
  { forEver = false }: SessionOptions = {},
): Middleware {
  const retryMs = values.get(connectionFlags.retryMs);
  const trying = (maxElapsedMs: number) =>
    withRetry({ clock, maxRetries: Infinity, maxElapsedMs: retryMs ?? maxElapsedMs });
  return (next) => {
    const first = trying(FIRST_RETRY_MS)(next);
    const later = trying(forEver ? Infinity : TRANSFER_RETRY_MS)(next);
    let reached = false;
    return async (request) => {
      const response = await (reached ? later : first)(request);
      reached = true;
      return response;
    };
  };
}

/** How a {@link Session} behaves. */
export interface SessionOptions {
  /** A transfer keeps trying for ever unless `--retry` says otherwise. */
  readonly forEver?: boolean;
}

/**
 * Connects to the server that the flags and arguments name.
 *
 * @throws {UsageError}
 */
export function openSession(
  values: FlagValues,
  context: CommandContext,
  args: readonly string[],
  { forEver = false }: SessionOptions = {},
): Session {
  const { baseUrl, names, query } = locate(args, values.get(connectionFlags.url));
  const { clock } = context;
  const plain = context.transport ?? fetchTransport({ clock });
  const withNotices = withRetryNotices(context, shownUrl(baseUrl))(plain);
  // A signed link says what may be done with it; a token that is set for other servers stays here.
  const isLink = Object.keys(query).length > 0;
  const withOwnToken = isLink ? withNotices : withSessionToken(values, context)(withNotices);
  const sending = withAdditions({ headers: values.get(connectionFlags.headers), query })(
    withOwnToken,
  );
  const maxElapsedMs = values.get(connectionFlags.retryMs) ?? FIRST_RETRY_MS;
  const retried = withRetry({ clock, maxRetries: Infinity, maxElapsedMs })(sending);
  return sessionAt(
    { baseUrl, shownUrl: shownUrl(baseUrl), names, transport: withUnreachable()(retried) },
    values,
    context,
    { forEver },
  );
}

/** The server of a {@link Session}. */
export type SessionPlace = Pick<Session, "baseUrl" | "shownUrl" | "names" | "transport">;

/** A session whose transport is there already. */
export function sessionAt(
  { baseUrl, shownUrl, names, transport }: SessionPlace,
  values: FlagValues,
  { clock }: CommandContext,
  { forEver = false }: SessionOptions = {},
): Session {
  const retryMs = values.get(connectionFlags.retryMs);
  const timeoutMs = values.get(connectionFlags.timeoutMs);
  return {
    client: new Client(baseUrl, { transport, clock, timeoutMs, liveTimeoutMs: LIVE_TIMEOUT_MS }),
    connection: connect({
      urls: new StreamUrls(baseUrl),
      transport,
      clock,
      random: Math.random,
      timeoutMs,
      liveTimeoutMs: LIVE_TIMEOUT_MS,
    }),
    transport,
    baseUrl,
    shownUrl,
    names,
    maxElapsedMs: retryMs ?? (forEver ? Infinity : TRANSFER_RETRY_MS),
  };
}

/** The only stream that a command names. */
export function onlyName({ names }: Session): string {
  return names[0] ?? "";
}
