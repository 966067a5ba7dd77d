import process from "node:process";
import { type ForeignFunctions, foreignFunctions } from "./foreign_functions.ts";

/**
 * Sends a part of a file from the page cache to a socket, both by their descriptors, without reading it
 * into memory: less than half the CPU for a MiB. It returns how many bytes the socket took, 0 where it
 * has no room and where the call failed.
 *
 * It is sendfile(2), called through Bun, whose sockets have no such thing of their own; `undefined` on
 * any other runtime, and on another system than Linux, where the call's arguments are others.
 */
export const sendFile = sendFileOf(foreignFunctions());

type SendFile = (file: number, socket: number, position: number, lengthBytes: number) => number;

function sendFileOf(foreign: ForeignFunctions | undefined): SendFile | undefined {
  if (foreign === undefined || process.platform !== "linux") return undefined;
  try {
    const { symbols } = foreign.dlopen("libc.so.6", {
      sendfile: { args: ["i32", "i32", "ptr", "u64"], returns: "i64_fast" },
    });
    const { sendfile } = symbols;
    if (sendfile === undefined) return undefined;
    const offset = new BigInt64Array(1);
    const offsetPointer = foreign.ptr(offset);
    return (file, socket, position, lengthBytes) => {
      offset[0] = BigInt(position);
      return Math.max(0, Number(sendfile(socket, file, offsetPointer, lengthBytes)));
    };
  } catch {
    // A C library of another name: what it would send is read and written instead.
    return undefined;
  }
}
