import { once } from "node:events";
import { createServer, type Server } from "node:http";

/** Serves one page, whose origin is not the stream server's. */
export class PageHost {
  readonly #server: Server;
  readonly #scripts = new Map<string, string>();

  private constructor() {
    this.#server = createServer(({ url = "/" }, answer) => {
      const script = this.#scripts.get(url);
      const type = script === undefined ? "text/html" : "text/javascript";
      answer.writeHead(200, { "content-type": `${type}; charset=utf-8` });
      answer.end(script ?? "<!doctype html><title>compat</title>");
    });
  }

  /** Listens on a free port of its own. */
  static async start(): Promise<PageHost> {
    const host = new PageHost();
    host.#server.listen(0, "127.0.0.1");
    await once(host.#server, "listening");
    return host;
  }

  /** The page's URL. */
  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("The host has ended.");
    return `http://127.0.0.1:${address.port}/`;
  }

  /** Serves a module's text at a path, for the page to import. */
  addScript(path: string, text: string): void {
    this.#scripts.set(path, text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
