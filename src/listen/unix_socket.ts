import { Buffer } from "node:buffer";
import { connect } from "node:net";
import process from "node:process";
import { removeSocketFile, setFileMode, socketFileAt } from "../env/socket_file.ts";
import type { Listener } from "./listener.ts";

/** Who may connect to a socket in the file system: its owner and group. */
export const DEFAULT_SOCKET_MODE = 0o660;

/** What fits in an address of the system, less the zero at its end: macOS has the shortest. */
const MAX_PATH_BYTES = 103;

/**
 * Listens at a path. A socket that nobody listens on any more, as a killed server leaves it, gives way; it
 * is removed at the end.
 *
 * @param start listens there; the file is made with the rights of `mode` from its first moment on
 * @throws {Error} with the code `EADDRINUSE` where somebody listens there, `EEXIST` where the path isn't a
 * socket's, `ENAMETOOLONG` where it is too long
 */
export async function listenAtPath(
  path: string,
  mode: number,
  start: () => Listener | Promise<Listener>,
): Promise<Listener> {
  if (path === "" || Buffer.byteLength(path) > MAX_PATH_BYTES) throw withCode("ENAMETOOLONG");
  await removeStale(path);
  const listener = await withUmask(0o777 & ~mode, start);
  setFileMode(path, mode);
  const file = socketFileAt(path);
  return {
    port: 0,
    setCertificate: (tls) => listener.setCertificate(tls),
    async stop() {
      // First, so that nobody connects any more; not that of another server, which has taken the path over.
      removeSocketFile(path, file);
      await listener.stop();
    },
  };
}

async function removeStale(path: string): Promise<void> {
  const file = socketFileAt(path);
  if (file === undefined) return;
  if (!file.isSocket) throw withCode("EEXIST");
  if (await isListening(path)) throw withCode("EADDRINUSE");
  removeSocketFile(path, file);
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", (error) => {
      const code = "code" in error ? error.code : undefined;
      if (code === "ECONNREFUSED" || code === "ENOENT") resolve(false);
      // Its queue is full: somebody is there.
      else if (code === "EAGAIN") resolve(true);
      else reject(error);
    });
  });
}

/** The file is made before the first turn of the event loop that follows. */
function withUmask<T>(mask: number, run: () => T): T {
  const before = process.umask(mask);
  try {
    return run();
  } finally {
    process.umask(before);
  }
}

function withCode(code: string): Error {
  return Object.assign(new Error(code), { code });
}
