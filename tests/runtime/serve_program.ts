/**
 * The program's own HTTP in a program of somebody else's: serves a storage in memory until it is told to
 * stop, by a signal of the option's kind or by a call, and says how that went.
 */
import process from "node:process";
import { createMemoryStorage, ListenError, serve } from "../../src/mod.ts";

const storage = createMemoryStorage();
const stopping = new AbortController();
const server = await serve({
  storage,
  port: 0,
  maxConnections: 3,
  health: "/health",
  signal: stopping.signal,
});
const taken = await serve({ storage, port: server.port }).catch((error) => error);
console.log(taken instanceof ListenError ? taken.message : `no error but ${taken}`);
const wrong = await serve({ storage, port: 65_536 }).catch((error) => error);
console.log(wrong instanceof RangeError ? wrong.message : `no error but ${wrong}`);
console.log(`listening on ${server.url}`);

process.on("SIGINT", async () => {
  stopping.abort();
  await server.stop();
  console.log("stopped");
  await storage.close();
  process.exit();
});
