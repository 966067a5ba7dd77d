import { connect, type Socket } from "node:net";
import type { Clock } from "../../../env/clock.ts";
import { objectIn, parseObject, textIn } from "./json.ts";
import type { NatsServerAddress, NatsTlsOptions } from "./options.ts";

/** What a server says of itself before it knows who asks. */
export interface ServerGreeting {
  readonly version: string;
  readonly asksForCertificate: boolean;
}

/** How a server is asked for its greeting. */
export interface ProbeOptions {
  readonly clock: Clock;
  readonly limitMs: number;
  readonly tls: NatsTlsOptions | undefined;
}

const LIMIT_GREETING_BYTES = 64 * 1024;

/**
 * Asks a server for its greeting, over a connection of its own that is closed whatever comes of it. The client
 * library leaves one to a server that doesn't answer open for ever: so it is only told to connect where this
 * went well. No secrets are sent.
 */
export async function probeServer(
  server: NatsServerAddress,
  { clock, limitMs, tls }: ProbeOptions,
): Promise<ServerGreeting> {
  const { hostname, port } = new URL(`http://${server.address}`);
  const host = hostname.replace(/^\[|\]$/g, "");
  const socket = connect({ host, port: Number(port || "80") });
  let cancel = () => {};
  const timeout = new Promise<never>((_resolve, reject) => {
    cancel = clock.setTimer(limitMs, () => reject(new Error(`no answer within ${limitMs} ms`)));
  });
  try {
    return await Promise.race([greet(socket, tls), timeout]);
  } finally {
    cancel();
    socket.destroy();
  }
}

async function greet(socket: Socket, tls: NatsTlsOptions | undefined): Promise<ServerGreeting> {
  const info = await greetingOf(socket);
  const asksForCertificate = info["tls_verify"] === true;
  if (asksForCertificate && tls?.certFile === undefined) {
    throw new Error("the server asks for a client's certificate, and none is given");
  }
  return { version: textIn(info["version"]), asksForCertificate };
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

function reasonOf(error: Error): string {
  if (!("code" in error)) return error.message;
  return error.code === "ECONNREFUSED" ? "connection refused" : error.message;
}
