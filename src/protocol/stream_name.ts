import { encodeUtf8 } from "./bytes.ts";
import { quote, StreamError } from "./errors.ts";

/** A stream's name in UTF-8 is at most this long. */
export const NAME_LIMIT_BYTES = 1024;

/** Names under this first segment belong to the server's own interfaces (PROTOCOL §6). */
export const RESERVED_SEGMENT = "__ds";

/** A control character, which is in no name. */
// deno-lint-ignore no-control-regex
export const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
/** Names that are themselves in a URL and can't be wrong but for their length and first segment. */
const PLAIN = /^[\w~:@!$&'()*+,;=/-]+$/;
const DOT_SEGMENT = /(?:^|\/)\.\.?(?:\/|$)/;

/**
 * The name that a URL path's rest stands for: decoded once as UTF-8, `%2F` the same as `/`.
 *
 * @param encoded what follows the prefix and its slash, as it stands in the URL
 * @throws {StreamError} `invalid_name`
 */
export function parseStreamName(encoded: string): string {
  const isPlain = encoded.length <= NAME_LIMIT_BYTES && !encoded.startsWith(RESERVED_SEGMENT) &&
    PLAIN.test(encoded);
  if (isPlain) return encoded;
  return checkStreamName(encoded.includes("%") ? decode(encoded) : encoded);
}

/**
 * `name` itself if a stream may be called so.
 *
 * @throws {StreamError} `invalid_name`
 */
export function checkStreamName(name: string): string {
  const defect = nameDefect(name);
  if (defect !== undefined) throw invalid(name, defect);
  return name;
}

/** Why no stream may be called so, as a clause about `it`; nothing where one may. */
export function nameDefect(name: string): string | undefined {
  if (name === "") return "it is empty";
  // A character takes at most three bytes for each UTF-16 unit, so most names need no encoding here.
  if (name.length * 3 > NAME_LIMIT_BYTES && encodeUtf8(name).length > NAME_LIMIT_BYTES) {
    return `it is longer than ${NAME_LIMIT_BYTES} bytes of UTF-8`;
  }
  if (CONTROL.test(name)) return "it holds a control character";
  if (!name.isWellFormed()) return "it holds half of a surrogate pair";
  if (name.includes(".") && DOT_SEGMENT.test(name)) return "it has a segment that is . or ..";
  if (name.startsWith(RESERVED_SEGMENT) && (name.length === 4 || name[4] === "/")) {
    return `its first segment is ${RESERVED_SEGMENT}, which is reserved`;
  }
  return undefined;
}

function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw invalid(encoded, "its percent-encoding is not UTF-8");
  }
}

function invalid(name: string, why: string): StreamError {
  return new StreamError(
    { code: "invalid_name" },
    `The stream name ${quote(name)} can't be used: ${why}.`,
  );
}
