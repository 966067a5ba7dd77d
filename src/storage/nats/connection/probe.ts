import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Clock } from "../../../env/clock.ts";
import { readTextFile } from "../../../env/text_file.ts";
import { objectIn, parseObject, textIn } from "./json.ts";
import type { NatsServerAddress, NatsTlsOptions } from "./options.ts";

/** What a server says of itself before it knows who asks. */
export interface ServerGreeting {
  readonly version: string;
}

/** How a server is asked for its greeting. */
export interface ProbeOptions {
  readonly clock: Clock;
  readonly limitMs: number;
  readonly tls: NatsTlsOptions | undefined;
}

const LIMIT_GREETING_BYTES = 64 * 1024;
const LIMIT_FILE_BYTES = 1024 * 1024;
/** A server looks at a client's certificate after the client has taken the connection for made. */
const VERDICT_MS = 250;

/**
 * Asks a server for its greeting, over a connection of its own that is closed whatever comes of it. The client
 * library leaves one to a server that doesn't answer open for ever, and on Deno one whose certificate is refused
 * ends the process: so it is only told to connect where this went well. No secrets are sent.
 */
export async function probeServer(
  server: NatsServerAddress,
  { clock, limitMs, tls }: ProbeOptions,
): Promise<ServerGreeting> {
  const { hostname, port } = new URL(`http://${server.address}`);
  const host = hostname.replace(/^\[|\]$/g, "");
  const socket = connectTcp({ host, port: Number(port || "80") });
  let cancel = () => {};
  const timeout = new Promise<never>((_resolve, reject) => {
    cancel = clock.setTimer(limitMs, () => reject(new Error(`no answer within ${limitMs} ms`)));
  });
  try {
    return await Promise.race([greet(socket, host, clock, tls), timeout]);
  } finally {
    cancel();
    socket.destroy();
  }
}

async function greet(
  socket: Socket,
  host: string,
  clock: Clock,
  tls: NatsTlsOptions | undefined,
): Promise<ServerGreeting> {
  const info = await greetingOf(socket);
  const greeting = { version: textIn(info["version"]) };
  if (info["tls_verify"] !== true) return greeting;
  if (tls?.certFile === undefined) {
    throw new Error("the server asks for a client's certificate, and none is given");
  }
  await shake(socket, host, clock, tls);
  return greeting;
}

function greetingOf(socket: Socket): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    let text = "";
    socket.setEncoding("utf8");
    // Listened to as long as the socket lasts: an error that nobody hears ends the process.
    socket.on("error", (error) => reject(new Error(reasonOf(error))));
    socket.on("close", () => reject(new Error("the connection was closed without a greeting")));
    socket.on("data", (data) => {
      text += String(data);
      const end = text.indexOf("\r\n");
      if (end < 0 && text.length < LIMIT_GREETING_BYTES) return;
      socket.removeAllListeners("data");
      const info = end < 0 ? undefined : /^INFO\s+(.*)$/.exec(text.slice(0, end));
      const greeting = objectIn(parseObject(info?.[1] ?? ""));
      if (textIn(greeting["version"]) !== "") resolve(greeting);
      else reject(new Error("what listens there is no server of NATS"));
    });
  });
}

/** Resolves when a server hasn't refused this client's certificate in time. */
function shake(socket: Socket, host: string, clock: Clock, tls: NatsTlsOptions): Promise<void> {
  const read = (path: string | undefined) =>
    path === undefined ? undefined : readTextFile(path, LIMIT_FILE_BYTES);
  const [ca, cert, key] = [read(tls.caFile), read(tls.certFile), read(tls.keyFile)];
  return new Promise((resolve, reject) => {
    const secure = connectTls({
      socket,
      // As the library asks for the name in the server's certificate.
      servername: isIP(host) === 0 ? host : "",
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
    let cancel = () => {};
    const fail = (reason: string) => {
      cancel();
      reject(new Error(reason));
    };
    secure.on("error", (error) => fail(reasonOf(error)));
    secure.on("close", () => fail("the server has refused the client's certificate"));
    secure.on("secureConnect", () => {
      cancel = clock.setTimer(VERDICT_MS, () => {
        secure.destroy();
        resolve();
      });
    });
  });
}

function reasonOf(error: Error): string {
  if (!("code" in error)) return error.message;
  return error.code === "ECONNREFUSED" ? "connection refused" : error.message;
}
