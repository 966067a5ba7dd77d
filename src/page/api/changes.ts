import { call, callJson } from "./request.ts";
import { controlUrl, streamUrl } from "./config.ts";

/** A body as fetch takes it. */
type Body = Uint8Array<ArrayBuffer>;

/** What a change has led to. */
export interface Changed {
  /** False where it was so already. */
  readonly isNew: boolean;
  /** The tail after it. */
  readonly nextOffset: string | undefined;
}

/**
 * Creates a stream (PROTOCOL §5.1).
 *
 * @param lifetime `stream-ttl` or `stream-expires-at`, if either
 * @throws {ApiError}
 */
export async function createStream(
  name: string,
  contentType: string,
  lifetime: Readonly<Record<string, string>>,
): Promise<Changed> {
  const headers = { "content-type": contentType, ...lifetime };
  return changed(await call(streamUrl(name), { method: "PUT", headers }));
}

/**
 * Creates a stream that has the content of another up to an offset (PROTOCOL §4.2).
 *
 * @throws {ApiError}
 */
export async function forkStream(source: string, offset: string, name: string): Promise<Changed> {
  const headers = {
    "stream-forked-from": new URL(streamUrl(source)).pathname,
    "stream-fork-offset": offset,
  };
  return changed(await call(streamUrl(name), { method: "PUT", headers }));
}

/**
 * Appends to a stream (PROTOCOL §5.2), and closes it where that is asked for.
 *
 * @throws {ApiError}
 */
export async function appendTo(
  name: string,
  contentType: string,
  body: Body,
  { close = false }: { close?: boolean } = {},
): Promise<Changed> {
  const headers = { "content-type": contentType, ...(close && { "stream-closed": "true" }) };
  return changed(await call(streamUrl(name), { method: "POST", headers, body }));
}

/** Closes a stream: nothing is appended any more (PROTOCOL §4.1). @throws {ApiError} */
export async function closeStream(name: string): Promise<Changed> {
  const headers = { "stream-closed": "true" };
  return changed(await call(streamUrl(name), { method: "POST", headers }));
}

/** Takes what comes before an offset out of a stream, for good (an extension). @throws {ApiError} */
export async function trimStream(name: string, before: string): Promise<void> {
  await call(streamUrl(name), { method: "PATCH", headers: { "stream-trim-before": before } });
}

/** Deletes a stream (PROTOCOL §5.4). @throws {ApiError} */
export async function deleteStream(name: string): Promise<void> {
  await call(streamUrl(name), { method: "DELETE" });
}

function changed({ status, headers }: Response): Changed {
  return { isNew: status === 201, nextOffset: headers.get("stream-next-offset") ?? undefined };
}

/**
 * A link to a stream that needs no token until its time is over.
 *
 * @throws {ApiError}
 */
export async function signLink(name: string, expiresInSeconds: number): Promise<string> {
  const { url } = await callJson<{ url: string }>(controlUrl("page/link"), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name, expiresInSeconds }),
  });
  return url;
}
