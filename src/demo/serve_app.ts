import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { isLoopback } from "../protocol/loopback.ts";

/** A chat has messages, not files. */
const BODY_LIMIT_BYTES = 1024 * 1024;

/** An application that is being served. */
export interface ServedApp {
  /** Where its page is. */
  readonly url: string;
  /** Takes no new requests, and ends those that are open. */
  stop(): Promise<void>;
}

/**
 * Serves an application on this machine only.
 *
 * @param port 0 for a free one
 * @throws {Error} where the port is taken, as the system says it
 */
export function serveApp(
  app: (request: Request) => Promise<Response>,
  port: number,
): Promise<ServedApp> {
  const server = createServer((incoming, outgoing) => {
    answer(app, incoming, outgoing).catch(() => outgoing.destroy());
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      const listening = typeof address === "object" && address !== null ? address.port : port;
      resolve({
        url: `http://127.0.0.1:${listening}/`,
        stop: () =>
          new Promise((ended) => {
            server.close(() => ended());
            server.closeAllConnections();
          }),
      });
    });
  });
}

/** A web page can give its own name this machine's address, and would be asked by that name. */
function isOwnHost(host: string | undefined): boolean {
  if (host === undefined || /[@\s/]/.test(host) || !URL.canParse(`http://${host}/`)) return false;
  return isLoopback(new URL(`http://${host}/`).hostname.replace(/^\[|\]$|\.$/g, ""));
}

async function answer(
  app: (request: Request) => Promise<Response>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  if (!isOwnHost(incoming.headers.host)) {
    outgoing.writeHead(421, { connection: "close" })
      .end("This is a server of this machine only: open it as 127.0.0.1 or localhost.\n");
    return;
  }
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of incoming) {
    parts.push(part);
    bytes += part.length;
    if (bytes > BODY_LIMIT_BYTES) {
      outgoing.writeHead(413, { connection: "close" }).end("The body is longer than 1 MiB.\n");
      return;
    }
  }
  const { method = "GET", url = "/", headers } = incoming;
  const contentType = headers["content-type"];
  const response = await app(
    new Request(new URL(url, "http://127.0.0.1"), {
      method,
      headers: contentType === undefined ? {} : { "content-type": contentType },
      body: method === "GET" || method === "HEAD" ? null : Buffer.concat(parts),
    }),
  );
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.end(new Uint8Array(await response.arrayBuffer()));
}
