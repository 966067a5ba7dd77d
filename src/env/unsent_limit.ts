import process from "node:process";
import { foreignFunctions } from "./foreign_functions.ts";

// Linux' numbers (tcp(7)).
const IPPROTO_TCP = 6;
const TCP_NOTSENT_LOWAT = 25;

const UNSENT_LIMIT_BYTES = 128 * 1024;

/**
 * Has a socket, by its descriptor, take no more while it holds so much that isn't sent yet. Else it takes
 * MiBs, and those go out as the client acknowledges what came before, at the client's cost where it is on
 * the same machine: a client that is busy reads a MiB at two thirds of the rate then, from a server that
 * waits. What is sent and not acknowledged isn't limited, so that a client far away is as fast as before.
 *
 * `undefined` on any other runtime than Bun, and on another system than Linux.
 */
export const limitUnsentBytes = limitUnsentBytesOf();

function limitUnsentBytesOf(): ((socket: number) => void) | undefined {
  const foreign = foreignFunctions();
  if (foreign === undefined || process.platform !== "linux") return undefined;
  try {
    const { setsockopt } = foreign.dlopen("libc.so.6", {
      setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
    }).symbols;
    if (setsockopt === undefined) return undefined;
    const limit = Int32Array.of(UNSENT_LIMIT_BYTES);
    const pointer = foreign.ptr(limit);
    return (socket) => {
      setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, pointer, limit.byteLength);
    };
  } catch {
    // A C library of another name: a socket takes as much as the system lets it.
    return undefined;
  }
}
