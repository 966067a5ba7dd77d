import type { Buffer } from "node:buffer";
import type { Bytes } from "../protocol/bytes.ts";

/** The part of a TCP socket that a connection needs: Bun's sockets have it. */
export interface Socket {
  /** Its descriptor; negative once it is gone, and where it isn't told. */
  readonly fd: number;
  /** The client's address; nothing, or empty, where it has none, as behind a socket of the file system. */
  readonly remoteAddress?: string | undefined;
  /**
   * How much of what it has taken it keeps until the system has room. Nobody may write over what such a
   * socket was given; `undefined` where all that is taken has gone to the system.
   */
  readonly heldBytes?: number;
  /**
   * Memory of its own for the next write, where it keeps what it takes until that has gone out: at most as
   * much as is asked for, `undefined` while it has no room.
   */
  borrow?(lengthBytes: number): Buffer<ArrayBuffer> | undefined;
  /**
   * Takes as much as there is room for.
   *
   * @param data text of ASCII characters only
   * @returns how many bytes were taken, less than all where the client is slow; negative once it is gone
   */
  write(data: Bytes | string): number;
  /** Reads nothing until {@link resume}. */
  pause(): void;
  resume(): void;
  /** Sends nothing more, and tells the client so; what it sends is still read. */
  shutdown(): void;
  /** Closes it; what was written still goes out, unless the client is sending. */
  end(): void;
  /** Ends it at once, whatever is under way. */
  terminate(): void;
}
