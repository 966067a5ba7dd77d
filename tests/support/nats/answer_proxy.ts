import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { NatsServerConfig } from "./nats_server.ts";

/** Passes connections on to a server, and can lose what that answers. */
export class AnswerProxy {
  readonly #server: Server;
  readonly #pairs = new Set<{ readonly client: Socket; readonly server: Socket }>();
  #isDeaf = false;

  private constructor(to: Pick<NatsServerConfig, "host" | "port">) {
    this.#server = createServer((client) => {
      const server = connect(to.port, to.host);
      const pair = { client, server };
      this.#pairs.add(pair);
      client.on("data", (bytes) => void server.write(bytes));
      server.on("data", (bytes) => this.#isDeaf || void client.write(bytes));
      const end = () => {
        this.#pairs.delete(pair);
        client.destroy();
        server.destroy();
      };
      for (const socket of [client, server]) socket.on("close", end).on("error", end);
    });
  }

  static async start(to: Pick<NatsServerConfig, "host" | "port">): Promise<AnswerProxy> {
    const proxy = new AnswerProxy(to);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("It doesn't listen.");
    return `nats://127.0.0.1:${address.port}`;
  }

  /** For a while requests still arrive, and no answer comes; then all its connections are cut. */
  async loseAnswers(ms: number): Promise<void> {
    this.#isDeaf = true;
    await sleep(ms);
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
    this.#isDeaf = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.loseAnswers(0);
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
