import { ClientError } from "./client_error.ts";
import type { Connection } from "./connection.ts";
import type { StreamInfo } from "./stream_info.ts";

/** Which streams are listed. */
export interface ListOptions {
  /** Only those whose names begin with this. */
  prefix?: string;
  /** Only those whose names come after this. */
  after?: string;
  /** How many are asked for at once, 1 to 1,000; 100. */
  pageSize?: number;
  signal?: AbortSignal;
}

/** One stream of a listing. */
export interface ListedStream extends StreamInfo {
  name: string;
}

/** All the streams, a page asked for whenever one is used up. */
export async function* listStreams(
  connection: Connection,
  options: ListOptions,
): AsyncIterableIterator<ListedStream> {
  let after = options.after;
  while (true) {
    const page = await readPage(connection, options, after);
    yield* page.streams;
    if (page.next === undefined) return;
    after = page.next;
  }
}

interface Page {
  streams: ListedStream[];
  next: string | undefined;
}

async function readPage(
  connection: Connection,
  options: ListOptions,
  after: string | undefined,
): Promise<Page> {
  const { body } = await connection.send({
    method: "GET",
    url: connection.urls.ofListing({
      prefix: options.prefix,
      after,
      limit: options.pageSize === undefined ? undefined : String(options.pageSize),
    }),
    signal: options.signal,
    repeatable: true,
  });
  let page: unknown;
  try {
    page = JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw malformed();
  }
  if (!isObject(page) || !Array.isArray(page["streams"])) throw malformed();
  const { next } = page;
  return { streams: page["streams"].map(toStream), next: optionalString(next) };
}

function toStream(value: unknown): ListedStream {
  if (!isObject(value)) throw malformed();
  const { name, nextOffset, closed, contentType, ttlSeconds, expiresAt } = value;
  if (typeof name !== "string" || typeof nextOffset !== "string") throw malformed();
  const stream: ListedStream = { name, nextOffset, closed: closed === true };
  if (typeof contentType === "string") stream.contentType = contentType;
  if (typeof ttlSeconds === "number") stream.ttlSeconds = ttlSeconds;
  if (typeof expiresAt === "string") stream.expiresAt = new Date(expiresAt);
  return stream;
}

function optionalString(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function malformed(): ClientError {
  return new ClientError(
    "invalid_response",
    "The listing's answer is malformed: what answered is not a server that lists its streams.",
  );
}
