/**
 * A block is what is checked, indexed and read as one: whole messages up to this many bytes, or one
 * message that is longer. It is also the least chunk size, since a chunk ends at a block's end.
 */
export const BLOCK_BYTES = 4096;

/** Whether a block of whole messages ends before the next one, which would make it too long. */
export function endsBefore(blockStart: number, messageStart: number, messageEnd: number): boolean {
  return messageEnd - blockStart > BLOCK_BYTES && messageStart > blockStart;
}

/** Whether a block ends with the message that was added to it last. */
export function endsWith(blockStart: number, messageEnd: number): boolean {
  return messageEnd - blockStart >= BLOCK_BYTES;
}
