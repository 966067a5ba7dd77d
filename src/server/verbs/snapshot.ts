import { bodyLength, isFileSlice } from "../../env/file_body.ts";
import type { HeaderFields, HttpRequest, HttpResponse } from "../../http/handler.ts";
import { checkContentType, DEFAULT_CONTENT_TYPE } from "../../protocol/content_type.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import { matchesEtag } from "../../protocol/etag.ts";
import { STREAM_SNAPSHOT_OFFSET, STREAM_SNAPSHOT_SUB_OFFSET } from "../../protocol/headers.ts";
import { formatOffset, type Offset, parseOffset } from "../../protocol/offset.ts";
import {
  noSnapshots,
  type ReadSnapshot,
  type SnapshotInfo,
  type SnapshotSpec,
  type SnapshotStore,
} from "../../storage/snapshot_store.ts";
import { COMMON_HEADERS, NO_STORE } from "../common/common_headers.ts";
import { checkSnapshotQuery } from "../common/snapshot_query.ts";
import { RUNNING_TYPE } from "./chunk_response.ts";
import type { ServerContext } from "./context.ts";

/** The end of a compressed snapshot's ETag. */
const GZIP = "-gzip";

/** The methods that a snapshot's URL takes. */
export const SNAPSHOT_METHODS = "GET, HEAD, PUT, DELETE, OPTIONS";

const SUB_OFFSET = /^(?:0|[1-9][0-9]*)$/;

/**
 * `{stream}?snapshot` (an extension): an application's state as of an offset of the stream, which is kept
 * beside it. PUT keeps one in place of the last, GET has it and where to go on from, HEAD all but the
 * content, DELETE lets go of it.
 */
export async function snapshot(
  context: ServerContext,
  request: HttpRequest,
): Promise<HttpResponse> {
  const name = context.names.of(request);
  checkSnapshotQuery(request.url);
  switch (request.method) {
    case "GET":
      return await get(context, request, name);
    case "HEAD":
      return await head(context, request, name);
    case "PUT":
      return await put(context, request, name);
    case "DELETE":
      await storeOf(context).delete(name);
      return { status: 204, headers: { ...COMMON_HEADERS, ...NO_STORE }, body: null };
    default:
      throw new StreamError(
        { code: "method_not_allowed", allowed: SNAPSHOT_METHODS },
        `A stream's snapshot doesn't take the method ${quote(request.method)}: expected one of ` +
          `${SNAPSHOT_METHODS}.`,
      );
  }
}

function storeOf({ storage }: ServerContext): SnapshotStore {
  if (storage.snapshots === undefined) throw noSnapshots();
  return storage.snapshots;
}

async function put(
  context: ServerContext,
  request: HttpRequest,
  name: string,
): Promise<HttpResponse> {
  const { headers } = request;
  const store = storeOf(context);
  const place = placeOf(request);
  const contentType = checkContentType(headers.get("content-type") ?? DEFAULT_CONTENT_TYPE);
  const body = await context.snapshotBodies.read(request);
  const kept = await store.put(name, { ...place, contentType, body });
  return {
    status: kept.isFirst ? 201 : 204,
    headers: {
      ...COMMON_HEADERS,
      ...NO_STORE,
      [STREAM_SNAPSHOT_OFFSET]: formatOffset(kept.space, kept.position),
      etag: etagOf(context, kept),
    },
    body: null,
  };
}

/** @throws {StreamError} `invalid_header`, `invalid_offset` */
function placeOf({ headers }: HttpRequest): Pick<SnapshotSpec, "offset" | "subOffset"> {
  const offset = headers.get(STREAM_SNAPSHOT_OFFSET);
  if (offset === null) {
    throw new StreamError(
      { code: "invalid_header" },
      "Stream-Snapshot-Offset is missing: give the offset up to which the stream is in the snapshot, " +
        "a Stream-Next-Offset value or -1.",
    );
  }
  const subOffset = headers.get(STREAM_SNAPSHOT_SUB_OFFSET);
  return {
    offset: parseSnapshotOffset(offset),
    subOffset: subOffset === null ? undefined : parseSubOffset(subOffset),
  };
}

function parseSnapshotOffset(token: string): Offset {
  return token === "-1" ? 0 : parseOffset("Stream-Snapshot-Offset", token);
}

function parseSubOffset(value: string): number {
  const count = SUB_OFFSET.test(value) ? Number(value) : NaN;
  if (Number.isSafeInteger(count)) return count;
  throw new StreamError(
    { code: "invalid_header" },
    `Stream-Snapshot-Sub-Offset ${
      quote(value)
    } is not a count: expected a decimal integer without ` +
      "sign or leading zeros.",
  );
}

async function get(
  context: ServerContext,
  request: HttpRequest,
  name: string,
): Promise<HttpResponse> {
  const store = storeOf(context);
  const ifNoneMatch = request.headers.get("if-none-match");
  if (ifNoneMatch !== null) {
    const info = await store.head(name);
    const etag = matchedEtag(context, ifNoneMatch, info);
    if (etag !== undefined) return notModified(context, name, info, etag);
  }
  const snapshot = await store.get(name, request.fileBody === "slice");
  return await bodyResponse(context, request, name, snapshot);
}

async function head(
  context: ServerContext,
  request: HttpRequest,
  name: string,
): Promise<HttpResponse> {
  const info = await storeOf(context).head(name);
  const ifNoneMatch = request.headers.get("if-none-match");
  const etag = ifNoneMatch === null ? undefined : matchedEtag(context, ifNoneMatch, info);
  if (etag !== undefined) return notModified(context, name, info, etag);
  return { status: 200, headers: headersOf(context, name, info), body: null };
}

/** The tag that a client or a cache has it by, compressed or not. */
function matchedEtag(
  context: ServerContext,
  ifNoneMatch: string,
  info: SnapshotInfo,
): string | undefined {
  return [etagOf(context, info), etagOf(context, info, GZIP)]
    .find((etag) => matchesEtag(ifNoneMatch, etag));
}

function notModified(
  context: ServerContext,
  name: string,
  info: SnapshotInfo,
  etag: string,
): HttpResponse {
  const headers: HeaderFields = { ...headersOf(context, name, info), etag };
  if (context.compressor?.fits(info) === true) headers["vary"] = "accept-encoding";
  return { status: 304, headers, body: null };
}

async function bodyResponse(
  context: ServerContext,
  request: HttpRequest,
  name: string,
  { body, ...info }: ReadSnapshot,
): Promise<HttpResponse> {
  const headers = headersOf(context, name, info);
  const sent = isFileSlice(body) ? { before: "", slice: body, after: "" } : body;
  const { compressor } = context;
  if (compressor?.fits({ contentType: info.contentType, bytes: bodyLength(body) }) === true) {
    headers["vary"] = "accept-encoding";
    if (compressor.isWanted(request.headers.get("accept-encoding")) && compressor.hasRoom) {
      headers["content-encoding"] = "gzip";
      headers["etag"] = etagOf(context, info, GZIP);
      return { status: 200, headers, body: await compressor.compress(sent) };
    }
  }
  return { status: 200, headers, body: sent };
}

function headersOf(context: ServerContext, name: string, info: SnapshotInfo): HeaderFields {
  const { contentType } = info;
  const headers: HeaderFields = {
    ...COMMON_HEADERS,
    // The next one takes its place at any time.
    "cache-control": `${context.config.isPrivate(name) ? "private" : "public"}, no-cache`,
    "content-type": contentType,
    [STREAM_SNAPSHOT_OFFSET]: formatOffset(info.space, info.position),
    etag: etagOf(context, info),
  };
  if (RUNNING_TYPE.test(contentType)) headers["content-security-policy"] = "sandbox";
  return headers;
}

/** No two snapshots of a storage have the same. */
function etagOf(
  { storage }: ServerContext,
  { streamId, number }: SnapshotInfo,
  suffix = "",
): string {
  return `"${storage.identity}-${streamId.toString(36)}:s${number.toString(36)}${suffix}"`;
}
