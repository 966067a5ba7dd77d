import { quote, StreamError } from "./errors.ts";

/** The content type of a stream that was created without one (PROTOCOL §5.1). */
export const DEFAULT_CONTENT_TYPE = "application/octet-stream";

const LIMIT_BYTES = 256;
const TYPE =
  /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+(?:[ \t]*;[ \t]*[\w!#$%&'*+.^`|~-]+=(?:[\w!#$%&'*+.^`|~-]+|"[^"\\\r\n]*"))*[ \t]*;?$/;

/**
 * The content type as it is stored, or an error that says why it isn't one.
 *
 * @throws {StreamError} `invalid_header`
 */
export function checkContentType(value: string): string {
  if (value.length > LIMIT_BYTES || !TYPE.test(value)) {
    throw new StreamError(
      { code: "invalid_header" },
      `Content-Type ${quote(value)} is not a media type: expected type/subtype, parameters ` +
        `allowed, at most ${LIMIT_BYTES} characters.`,
    );
  }
  return value;
}

/** The type without its parameters, lower case: what two content types are compared by. */
export function essence(contentType: string): string {
  const end = contentType.indexOf(";");
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}

/** Whether two content types name the same type, whatever their case and parameters (RFC 2045). */
export function sameContentType(a: string, b: string): boolean {
  return a === b || essence(a) === essence(b);
}

/** Whether a stream of this type is in JSON mode (PROTOCOL §9.1); `+json` types are. */
export function isJsonType(contentType: string): boolean {
  const type = essence(contentType);
  return type === "application/json" || type.endsWith("+json");
}

/** How SSE carries data of this type (PROTOCOL §5.8): `text/*` and `application/json` as they are. */
export function sseEncoding(contentType: string): "text" | "base64" {
  const type = essence(contentType);
  return type.startsWith("text/") || type === "application/json" ? "text" : "base64";
}

const COMPRESSIBLE: ReadonlySet<string> = new Set([
  "application/graphql",
  "application/javascript",
  "application/json",
  "application/json-seq",
  "application/jsonl",
  "application/ndjson",
  "application/rtf",
  "application/sql",
  "application/toml",
  "application/x-javascript",
  "application/x-ndjson",
  "application/x-www-form-urlencoded",
  "application/xml",
  "application/yaml",
]);

/** Whether content of this type is text of some kind, which compresses well. */
export function isCompressibleType(contentType: string): boolean {
  const type = essence(contentType);
  return type.startsWith("text/") || COMPRESSIBLE.has(type) ||
    /\+(?:json|xml|yaml)(?:-seq)?$/.test(type);
}
