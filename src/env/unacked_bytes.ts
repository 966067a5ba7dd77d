import process from "node:process";
import { foreignFunctions } from "./foreign_functions.ts";

/** ioctl(2)'s request for what a socket has sent, or is to send, that isn't acknowledged (tcp(7)). */
const SIOCOUTQ = 0x5411;

/**
 * How many bytes the system holds for a socket, by its descriptor, that its client hasn't taken: between
 * two looks a reader of a few KiB a second takes some of them, while the socket has no room for more for
 * minutes. 0 where the call fails.
 *
 * `undefined` on any other runtime than Bun, and on another system than Linux.
 */
export const unackedBytes = unackedBytesOf();

function unackedBytesOf(): ((socket: number) => number) | undefined {
  const foreign = foreignFunctions();
  if (foreign === undefined || process.platform !== "linux") return undefined;
  try {
    const { ioctl } = foreign.dlopen("libc.so.6", {
      ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
    }).symbols;
    if (ioctl === undefined) return undefined;
    const held = new Int32Array(1);
    const pointer = foreign.ptr(held);
    return (socket) => socket >= 0 && ioctl(socket, SIOCOUTQ, pointer) === 0 ? held[0] ?? 0 : 0;
  } catch {
    // A C library of another name: that a socket has room again is all that is seen.
    return undefined;
  }
}
