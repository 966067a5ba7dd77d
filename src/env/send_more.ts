import { Buffer } from "node:buffer";
import process from "node:process";
import type { Bytes } from "../protocol/bytes.ts";
import { type ForeignFunctions, foreignFunctions } from "./foreign_functions.ts";

// Linux' numbers (send(2)).
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_MORE = 0x8000;
const FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE;

/** Longer text isn't sent so. */
const TEXT_LIMIT_BYTES = 16 * 1024;

/**
 * Sends text of ASCII characters, or bytes, to a socket by its descriptor, where more follows at once: the
 * system keeps it for one packet with that. It returns how many bytes the socket took, 0 where it has no
 * room and where the call failed.
 *
 * A head that goes out so and 64 KiB by `sendFile` behind it cost 21 µs; with the head as a packet of its
 * own 26, and 35 where they are read into one write. It is send(2) with MSG_MORE, called through Bun,
 * whose sockets have no such thing; `undefined` on any other runtime, and on another system than Linux,
 * where the numbers are others.
 */
export const sendMore = sendMoreOf(foreignFunctions());

/** As {@link sendMore}. */
export type SendMore = (socket: number, data: Bytes | string) => number;

function sendMoreOf(foreign: ForeignFunctions | undefined): SendMore | undefined {
  if (foreign === undefined || process.platform !== "linux") return undefined;
  try {
    const { send } = foreign.dlopen("libc.so.6", {
      send: { args: ["i32", "ptr", "u64", "i32"], returns: "i64_fast" },
    }).symbols;
    if (send === undefined) return undefined;
    const text = Buffer.allocUnsafeSlow(TEXT_LIMIT_BYTES);
    const textPointer = foreign.ptr(text);
    return (socket, data) => {
      if (data.length === 0) return 0;
      if (typeof data !== "string") {
        return Math.max(0, Number(send(socket, foreign.ptr(data), data.length, FLAGS)));
      }
      if (data.length > TEXT_LIMIT_BYTES) return 0;
      const length = text.write(data, "latin1");
      return Math.max(0, Number(send(socket, textPointer, length, FLAGS)));
    };
  } catch {
    // A C library of another name: what comes before a body is written by itself.
    return undefined;
  }
}
