import process from "node:process";
import { foreignFunctions } from "./foreign_functions.ts";

// Linux' numbers (socket(2), send(2)).
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** The longest path of a socket in bytes (unix(7)); one that isn't abstract ends with a zero. */
const PATH_LIMIT_BYTES = 108;

/**
 * Sends text as one datagram to the Unix socket at a path, or to an abstract one where that begins with `@`.
 * It never waits; `false` where the datagram wasn't taken.
 */
export type SendUnixDatagram = (path: string, text: string) => boolean;

/** The two calls of the C library. */
interface SocketCalls {
  socket(domain: number, type: number, protocol: number): number;
  sendto(socket: number, data: Uint8Array, flags: number, address: Uint8Array): number;
}

/**
 * `node:dgram` has no Unix sockets on any runtime, so that this calls the C library: `undefined` on Node,
 * which can't, on Deno without the permission for it, and on another system than Linux, where the numbers
 * are others.
 */
export function unixDatagrams(): SendUnixDatagram | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const calls = callsOfBun() ?? callsOfDeno();
    if (calls === undefined) return undefined;
    const socket = calls.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket < 0) return undefined;
    return (path, text) => {
      const address = unixAddress(path);
      if (address === undefined) return false;
      const data = new TextEncoder().encode(text);
      return calls.sendto(socket, data, MSG_DONTWAIT | MSG_NOSIGNAL, address) === data.length;
    };
  } catch {
    // A C library of another name.
    return undefined;
  }
}

/** The address of a Unix socket as the system takes it; `undefined` for a path that can't be one. */
export function unixAddress(path: string): Uint8Array<ArrayBuffer> | undefined {
  const isAbstract = path.startsWith("@");
  const name = new TextEncoder().encode(isAbstract ? `\0${path.slice(1)}` : `${path}\0`);
  if (name.length > PATH_LIMIT_BYTES || path.length < 2) return undefined;
  const address = new Uint8Array(2 + name.length);
  new Uint16Array(address.buffer, 0, 1)[0] = AF_UNIX;
  address.set(name, 2);
  return address;
}

function callsOfBun(): SocketCalls | undefined {
  const foreign = foreignFunctions();
  if (foreign === undefined) return undefined;
  const { socket, sendto } = foreign.dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i64_fast" },
  }).symbols;
  if (socket === undefined || sendto === undefined) return undefined;
  return {
    socket: (domain, type, protocol) => Number(socket(domain, type, protocol)),
    sendto: (to, data, flags, address) =>
      Number(
        sendto(to, foreign.ptr(data), data.length, flags, foreign.ptr(address), address.length),
      ),
  };
}

/** The part of Deno's global that is used. */
interface DenoForeign {
  readonly permissions: { querySync(permission: { name: "ffi" }): { readonly state: string } };
  dlopen(
    library: string,
    functions: Record<string, { parameters: readonly string[]; result: string }>,
  ): {
    readonly symbols: Record<
      string,
      (...args: (number | bigint | Uint8Array)[]) => number | bigint
    >;
  };
}

function callsOfDeno(): SocketCalls | undefined {
  const deno: unknown = Reflect.get(globalThis, "Deno");
  if (!isDenoForeign(deno)) return undefined;
  // Without it Deno would ask the user.
  if (deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
  const { socket, sendto } = deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  }).symbols;
  if (socket === undefined || sendto === undefined) return undefined;
  return {
    socket: (domain, type, protocol) => Number(socket(domain, type, protocol)),
    sendto: (to, data, flags, address) =>
      Number(sendto(to, data, BigInt(data.length), flags, address, address.length)),
  };
}

function isDenoForeign(value: unknown): value is DenoForeign {
  return typeof value === "object" && value !== null && "permissions" in value &&
    "dlopen" in value && typeof value.dlopen === "function";
}
