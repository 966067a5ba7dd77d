import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import { AUTHORITY, type CertificatePair } from "../support/certificates.ts";

/** One response over TLS, and how the connection came about. */
export interface TlsResponse {
  readonly status: number;
  readonly head: string;
  readonly body: Buffer;
  /** The name in the server's certificate. */
  readonly serverName: string;
  /** The protocol that both agreed on; false where the client named none. */
  readonly protocol: string | false | null;
}

/** What a client says of itself. */
export interface TlsClientOptions {
  readonly client?: CertificatePair;
  readonly protocols?: string[];
  /** Called for each part that comes, with the connection, which may be paused. */
  readonly onData?: (socket: TLSSocket) => void;
}

/** Connects to the server of this URL; rejects where that has no certificate by the tests' authority. */
export async function connectTls(url: string, options: TlsClientOptions = {}): Promise<TLSSocket> {
  const { hostname, port } = new URL(url);
  const socket = connect({
    host: hostname,
    port: Number(port),
    ca: AUTHORITY,
    ...(options.protocols === undefined ? {} : { ALPNProtocols: options.protocols }),
    ...options.client,
  });
  // What is wrong shows by what doesn't come.
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  return socket;
}

/** Sends one request and reads all until the connection ends; rejects where it ends badly. */
export async function askTls(
  url: string,
  { method = "GET", headers = "", body = Buffer.alloc(0), ...options }: TlsClientOptions & {
    method?: string;
    headers?: string;
    body?: Uint8Array;
  } = {},
): Promise<TlsResponse> {
  const socket = await connectTls(url, options);
  const serverName = String(socket.getPeerCertificate().subject?.CN);
  const protocol = socket.alpnProtocol;
  const { pathname, search, host } = new URL(url);
  const length = body.length === 0 ? "" : `Content-Length: ${body.length}\r\n`;
  const whole = Promise.withResolvers<Buffer>();
  const parts: Buffer[] = [];
  let leftBytes = Infinity;
  socket.on("data", (part: Buffer) => {
    parts.push(part);
    options.onData?.(socket);
    // Of a socket that has been paused, Deno doesn't tell the end.
    if (leftBytes === Infinity) leftBytes = lengthOf(Buffer.concat(parts));
    else leftBytes -= part.length;
    if (leftBytes === 0) whole.resolve(Buffer.concat(parts));
  });
  socket.on("error", whole.reject);
  socket.on("close", () => whole.reject(new Error("The connection ended before the response.")));
  socket.write(
    `${method} ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n` +
      `${length}${headers}\r\n`,
  );
  if (body.length > 0) socket.write(body);
  const all = await whole.promise;
  socket.destroy();
  const end = all.indexOf("\r\n\r\n");
  const head = all.toString("latin1", 0, end);
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
  return { status, head, body: all.subarray(end + 4), serverName, protocol };
}

/** How much is still to come of a response; Infinity while that isn't known. */
function lengthOf(begin: Buffer): number {
  const end = begin.indexOf("\r\n\r\n");
  if (end < 0) return Infinity;
  const bytes = Number(/^content-length: (\d+)/im.exec(begin.toString("latin1", 0, end))?.[1] ?? 0);
  return end + 4 + bytes - begin.length;
}
