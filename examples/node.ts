/**
 * The server inside a Node program: `node examples/node.ts`, on Node 22.18 or later.
 *
 * From a project of your own the import is `from "durable-streams"`, and Node 22.15 does.
 */
import process from "node:process";
import { openFileStorage, serve } from "../src/mod.ts";

const storage = await openFileStorage({ dir: process.env.DIR ?? "./data" });

// It listens on loopback only, and takes no other name, unless told otherwise: whoever reaches it can
// do everything.
const server = await serve({ storage, port: Number(process.env.PORT ?? 4437) });
console.log(`listening on ${server.url}`);

process.on("SIGTERM", async () => {
  // Answers who waits for news, and takes no more.
  await server.stop();
  await storage.close();
  process.exit();
});
