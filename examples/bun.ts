/**
 * The server inside a Bun program: `bun examples/bun.ts`.
 *
 * From a project of your own the import is `from "durable-streams"`, and `bun add -d @types/bun`
 * takes the place of the declaration below.
 */
import process from "node:process";
import { createApp, openFileStorage } from "../src/mod.ts";

declare const Bun: {
  serve(options: {
    hostname: string;
    port: number;
    idleTimeout: number;
    maxRequestBodySize: number;
    fetch: (request: Request) => Response | Promise<Response>;
  }): { url: URL; stop(): Promise<void> };
};

const storage = await openFileStorage({ dir: process.env.DIR ?? "./data" });
const stopping = new AbortController();
// Whoever reaches the app can do everything: it listens on loopback only, and takes no other name.
const app = createApp({ storage, signal: stopping.signal, allowedHosts: [] });

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env.PORT ?? 4437),
  // Bun cuts what is quiet for ten seconds unless told otherwise, and a long-poll waits for thirty.
  idleTimeout: 120,
  // The app refuses what is too long itself, and says so.
  maxRequestBodySize: Number.MAX_SAFE_INTEGER,
  fetch: app.fetch,
});
console.log(`listening on ${server.url}v1/stream`);

process.on("SIGTERM", async () => {
  // Long-polls and SSE readers wait for news; this answers them, so that stop() can end.
  stopping.abort();
  await server.stop();
  await storage.close();
  process.exit();
});
