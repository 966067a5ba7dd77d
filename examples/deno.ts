/**
 * The server inside a Deno program: `deno run -A examples/deno.ts`.
 *
 * From a project of your own the import is `from "durable-streams"`.
 */
import { createApp, openFileStorage } from "../src/mod.ts";

const storage = await openFileStorage({ dir: Deno.env.get("DIR") ?? "./data" });
const stopping = new AbortController();
// Whoever reaches the app can do everything: it listens on loopback only, and takes no other name.
const app = createApp({ storage, signal: stopping.signal, allowedHosts: [] });

const server = Deno.serve({
  hostname: "127.0.0.1",
  port: Number(Deno.env.get("PORT") ?? 4437),
  onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}/v1/stream`),
}, app.fetch);

Deno.addSignalListener("SIGTERM", async () => {
  // Long-polls and SSE readers wait for news; this answers them, so that shutdown() can end.
  stopping.abort();
  await server.shutdown();
  await storage.close();
  Deno.exit();
});
