/** This many chunks are taken however short they are: a minute of words as they are made. */
const FREE_CHUNKS = 65_536;
/** Beyond these, chunks have to be so long on average: each costs as much as some hundred bytes. */
const SHORTEST_AVERAGE_BYTES = 64;

/** Whether a body comes in more chunks than its length is a reason for. */
export function areTooShort(chunks: number, bytes: number): boolean {
  return chunks > FREE_CHUNKS && chunks * SHORTEST_AVERAGE_BYTES > bytes;
}

/** The message to its sender. */
export const TOO_SHORT_CHUNKS =
  `The body comes in more than ${FREE_CHUNKS} chunks of less than ${SHORTEST_AVERAGE_BYTES} bytes on ` +
  "average: gather what is sent into longer ones.";
