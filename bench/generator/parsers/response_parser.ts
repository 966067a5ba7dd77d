/** Follows the answers on one connection, one at a time, through whatever pieces the socket delivers. */
export interface ResponseParser {
  /** The answer's status as HTTP has it; what speaks no HTTP says 200 or 500. */
  status: number;
  /** Bytes of its body seen so far. */
  bodyBytes: number;
  /** Where to read on, "" where that wasn't said. */
  nextOffset: string;
  /** Whether all there is has been read. */
  upToDate: boolean;
  /** Takes the next piece; true if the answer is complete with it. */
  feed(piece: Uint8Array): boolean;
}
