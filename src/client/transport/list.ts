import { type Bytes, decodeUtf8 } from "../../protocol/bytes.ts";
import type { CallOptions } from "./call_options.ts";
import { ClientError } from "../errors/client_error.ts";
import type { Connection } from "./connection.ts";
import type { StreamInfo } from "./stream_info.ts";

/** Which streams are listed. */
export interface ListOptions extends CallOptions {
  /** Only streams whose names begin with this. */
  prefix?: string | undefined;
  /** Only streams whose names come after this. */
  after?: string | undefined;
  /** How many streams a request asks for, 1 to 1,000; 100. */
  pageSize?: number | undefined;
}

/** One stream of a listing. */
export interface ListedStream extends StreamInfo {
  name: string;
  /**
   * Where a fork branched off: an offset of the stream that the bytes before it are of. Left out for other
   * streams, and by other servers.
   */
  forkOffset?: string;
}

/** All streams; each page is fetched when the one before is used up. */
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
  return await connection.request({
    method: "GET",
    url: connection.urls.ofListing({
      prefix: options.prefix,
      after,
      limit: options.pageSize === undefined ? undefined : String(options.pageSize),
    }),
    signal: options.signal,
    repeatable: true,
  }, ({ body }) => toPage(body));
}

function toPage(body: Bytes): Page {
  let page: { streams?: ListedStreamJson[]; next?: string } | null = null;
  try {
    page = JSON.parse(decodeUtf8(body));
  } catch {
    // Rejected below, like any response without streams.
  }
  const { streams, next } = page ?? {};
  if (streams?.every(isNamed)) return { streams: streams.map(toStream), next };
  throw new ClientError("invalid_response", "The answer is no listing of streams.");
}

/** A stream of a listing in JSON. */
interface ListedStreamJson extends Omit<ListedStream, "expiresAt"> {
  expiresAt?: string;
}

function isNamed(stream: ListedStreamJson | null): boolean {
  return typeof stream?.name === "string" && typeof stream.nextOffset === "string";
}

function toStream({ expiresAt, ...stream }: ListedStreamJson): ListedStream {
  return expiresAt === undefined ? stream : { ...stream, expiresAt: new Date(expiresAt) };
}
