import type { SliceBody } from "../../http/handler.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { isJsonType } from "../../protocol/content_type.ts";
import { intoJsonArray, SEPARATOR_BYTES } from "../../protocol/json.ts";
import type { BodyResult, ReadResult } from "../../storage/storage.ts";

/** The body that carries a chunk; for JSON the array is made where the chunk's bytes are, once. */
export function bodyOf(chunk: ReadResult): Bytes;
export function bodyOf(chunk: BodyResult): Bytes | Blob | SliceBody;
export function bodyOf({ contentType, data }: BodyResult): Bytes | Blob | SliceBody {
  const isJson = isJsonType(contentType);
  if (data instanceof Uint8Array) return isJson ? intoJsonArray(data) : data;
  if (data instanceof Blob) return data;
  return isJson
    ? { before: "[", slice: { ...data, end: data.end - SEPARATOR_BYTES }, after: "]" }
    : { before: "", slice: data, after: "" };
}
