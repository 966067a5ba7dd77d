import { callJson } from "./request.ts";
import { controlUrl } from "./config.ts";

/** A stream as a list shows it. */
export interface ListedStream {
  readonly name: string;
  readonly contentType: string;
  readonly nextOffset: string;
  readonly closed: boolean;
  /** The bytes that are there. */
  readonly size?: number;
  /** Milliseconds since 1970; null where nothing was appended, or nobody knows. */
  readonly lastAppendAt?: number | string | null;
  readonly readers?: number | null;
  readonly ttlSeconds?: number;
  /** RFC 3339. */
  readonly expiresAt?: string;
  readonly forkOffset?: string;
  readonly forkedFrom?: string | null;
}

/** A part of the tree: all streams whose names begin with it, up to the next `/`. */
export interface ListedFolder {
  readonly name: string;
  readonly count?: number;
}

/** One page of a listing. */
export interface StreamPage {
  readonly streams: readonly ListedStream[];
  readonly folders?: readonly ListedFolder[];
  /** Where to go on; absent at the end. */
  readonly next?: string;
  /** How many names were looked at. */
  readonly scanned?: number;
}

/** What to list. */
export interface ListQuery {
  readonly prefix?: string;
  readonly after?: string;
  readonly limit?: number;
  /** A part of the name, after the prefix. */
  readonly q?: string;
  /** `/`: what lies deeper is told as folders. */
  readonly delimiter?: string;
}

/**
 * One page of the streams that the page may see.
 *
 * @throws {ApiError}
 */
export async function listStreams(query: ListQuery, signal?: AbortSignal): Promise<StreamPage> {
  return await callJson<StreamPage>(controlUrl("page/streams"), {
    query: { ...query },
    ...(signal && { signal }),
  });
}

/** All that the server says of one stream; absent or null is what its storage doesn't know. */
export interface StreamDetails {
  readonly name: string;
  readonly contentType: string;
  readonly id?: string | number;
  readonly tail?: number;
  readonly nextOffset: string;
  /** Where it begins, where anything was trimmed. */
  readonly earliestOffset?: string | null;
  readonly closed: boolean;
  readonly lastAppendAt?: string | null;
  readonly createdAt?: string | null;
  readonly lifetime?: { readonly kind: string; readonly ttlSeconds?: number };
  /** RFC 3339. */
  readonly expiresAt?: string | null;
  readonly producers?: readonly StreamProducer[];
  readonly producersTotal?: number;
  /** The last `Stream-Seq`. */
  readonly seq?: string | null;
  readonly forkedFrom?: { readonly name?: string; readonly offset: string } | null;
  readonly forks?: readonly string[] | null;
  readonly readers?: number | null;
}

/** An idempotent producer of a stream. */
export interface StreamProducer {
  readonly id: string;
  readonly epoch: number;
  readonly seq: number;
}

/**
 * What the server knows of a stream.
 *
 * @throws {ApiError}
 */
export async function fetchDetails(name: string, signal?: AbortSignal): Promise<StreamDetails> {
  return await callJson<StreamDetails>(controlUrl("page/stream"), {
    query: { name },
    ...(signal && { signal }),
  });
}
