import type { Bytes } from "../../protocol/bytes.ts";
import {
  isTrue,
  PRODUCER_EPOCH,
  PRODUCER_ID,
  PRODUCER_SEQ,
  STREAM_CLOSED,
  STREAM_EXPECTED_OFFSET,
  STREAM_NEXT_OFFSET,
  STREAM_SEQ,
} from "../../protocol/headers.ts";
import { ClientError } from "../errors/client_error.ts";
import type { Connection } from "./connection.ts";
import { defined } from "./defined.ts";

/** One POST: data, closure, or both (PROTOCOL §5.2, §5.3). */
export interface AppendRequest {
  contentType?: string | undefined;
  /** Left out in a request that only closes. */
  body?: Bytes | undefined;
  close?: boolean | undefined;
  /** `Stream-Seq`. */
  seq?: string | undefined;
  /** `Stream-Expected-Offset`, an extension. */
  expectedOffset?: string | undefined;
  /** With it, sending the request again stores nothing twice (PROTOCOL §5.2.1). */
  producer?: { id: string; epoch: number; seq: number } | undefined;
  signal?: AbortSignal | undefined;
  /** The number of the caller's attempt. */
  attempt?: number | undefined;
}

/** The result of an append. */
export interface AppendAnswer {
  /**
   * The tail after it; `undefined` if the server doesn't say, as some don't for a batch that they had
   * already (PROTOCOL §5.2.1).
   */
  offset: string | undefined;
  closed: boolean;
  /** Nothing was appended: the server had this producer's batch already, and not from this call. */
  duplicate: boolean;
}

/** The status of a successful append (PROTOCOL §5.2), which no page of a proxy has. */
const STORED = 204;

/**
 * Sends an append.
 *
 * @throws {ClientError}
 */
export async function sendAppend(
  connection: Connection,
  path: string,
  request: AppendRequest,
): Promise<AppendAnswer> {
  const { body, producer } = request;
  const hasBody = body !== undefined && body.length > 0;
  const isCloseOnly = request.close === true && !hasBody;
  return await connection.request(
    {
      method: "POST",
      url: connection.urls.of(path),
      headers: headersOf(request, hasBody),
      body: hasBody ? body : undefined,
      signal: request.signal,
      repeatable: producer !== undefined || isCloseOnly,
      attempt: request.attempt ?? 1,
    },
    ({ status, headers, repeated }) => ({
      // A caller that takes an error for a failure would append it twice.
      offset: status === STORED ? headers.get(STREAM_NEXT_OFFSET) || undefined : offsetIn(headers),
      closed: isTrue(headers.get(STREAM_CLOSED)),
      // The 204 to a close alone says nothing about duplicates (PROTOCOL §5.2.1).
      duplicate: producer !== undefined && hasBody && status === STORED && !repeated,
    }),
  );
}

function headersOf(request: AppendRequest, hasBody: boolean): Record<string, string> {
  const { contentType, close, seq, expectedOffset, producer } = request;
  return defined({
    "content-type": hasBody ? contentType : undefined,
    [STREAM_CLOSED]: close ? "true" : undefined,
    [STREAM_SEQ]: seq,
    [STREAM_EXPECTED_OFFSET]: expectedOffset,
    [PRODUCER_ID]: producer?.id,
    [PRODUCER_EPOCH]: producer?.epoch.toString(),
    [PRODUCER_SEQ]: producer?.seq.toString(),
  });
}

/**
 * The `Stream-Next-Offset` of a response.
 *
 * @throws {ClientError} `invalid_response` if there is none
 */
export function offsetIn(headers: Headers): string {
  const offset = headers.get(STREAM_NEXT_OFFSET);
  if (offset !== null && offset !== "") return offset;
  throw new ClientError(
    "invalid_response",
    "The answer has no Stream-Next-Offset: is the header hidden?",
  );
}
