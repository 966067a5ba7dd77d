import { Buffer } from "node:buffer";

type Body = AsyncIterable<Uint8Array>;

/** The first bytes of a body, and not a look at what comes behind them. */
export async function* firstBytes(body: Body, limitBytes: number): AsyncGenerator<Uint8Array> {
  let left = limitBytes;
  if (left <= 0) return;
  for await (const piece of body) {
    yield piece.subarray(0, left);
    left -= piece.length;
    if (left <= 0) return;
  }
}

/** A body in pieces of at most so many bytes, with a pause before each but the first. */
export async function* inPieces(
  body: Body,
  bytesPerPiece: number,
  pause: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  let isFirst = true;
  for await (const piece of body) {
    for (let at = 0; at < piece.length; at += bytesPerPiece) {
      if (!isFirst) await pause();
      isFirst = false;
      yield piece.subarray(at, at + bytesPerPiece);
    }
  }
}

/** A body in portions of at least so many bytes, and the rest. */
export async function* inPortions(body: Body, leastBytes: number): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const piece of body) {
    held.push(piece);
    heldBytes += piece.length;
    if (heldBytes < leastBytes) continue;
    yield Buffer.concat(held);
    held = [];
    heldBytes = 0;
  }
  if (heldBytes > 0) yield Buffer.concat(held);
}

/** A body of these pieces. */
export async function* only(...pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}
