import zlib from "node:zlib";
import { quote, StreamError } from "../../protocol/errors.ts";

/** How a body may be compressed (RFC 9110 §8.4.1, RFC 8878 §7.2). */
export type ContentCoding = "gzip" | "deflate" | "zstd";

/** Node has had zstd since 22.15 only. */
const CODINGS: readonly ContentCoding[] = "createZstdDecompress" in zlib
  ? ["gzip", "deflate", "zstd"]
  : ["gzip", "deflate"];

/** The codings that bodies are taken in, as `Accept-Encoding` says it. */
export const ACCEPTED_CODINGS = CODINGS.join(", ");

/**
 * What a request's `Content-Encoding` says that its body has to be decoded from; `undefined` where it is
 * as it is.
 *
 * @throws {StreamError} `unsupported_encoding`, for several codings too
 */
export function contentCoding(contentEncoding: string): ContentCoding | undefined {
  const names = contentEncoding.toLowerCase().split(",").map((name) => name.trim())
    .filter((name) => name !== "" && name !== "identity");
  const [first, ...others] = names;
  if (first === undefined) return undefined;
  const name = first === "x-gzip" ? "gzip" : first;
  const coding = CODINGS.find((each) => each === name);
  if (coding !== undefined && others.length === 0) return coding;
  throw new StreamError(
    { code: "unsupported_encoding", accepted: ACCEPTED_CODINGS },
    `A body with Content-Encoding ${
      quote(contentEncoding)
    } can't be decoded here: expected one of ` +
      `${ACCEPTED_CODINGS}, or a body without it.`,
  );
}
