import { decodeUtf8, encodeUtf8 } from "../protocol/bytes.ts";

/** So many content types are shared; the usual ones are among the first. */
const INTERNED_LIMIT = 1000;

const interned = new Map<string, string>();

/**
 * The same text in memory of its own. What was cut from a request's head keeps all of that alive, up to
 * 16 KiB, and what a stream is made of stays for as long as the stream does.
 *
 * @param text well-formed
 */
export function copyString(text: string): string {
  return decodeUtf8(encodeUtf8(text));
}

/** As {@link copyString}, one for all who ask for the same: for what most streams have in common. */
export function internString(text: string): string {
  const known = interned.get(text);
  if (known !== undefined) return known;
  const own = copyString(text);
  if (interned.size < INTERNED_LIMIT) interned.set(own, own);
  return own;
}
