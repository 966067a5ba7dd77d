/**
 * The server as one part of a larger Hono app, behind a middleware that asks for a token:
 * `TOKEN=secret deno run -A examples/hono.ts`. It runs on Bun as well, with `Bun.serve` instead.
 */
import { Hono } from "hono";
import { bearerAuth } from "hono/bearer-auth";
import { createApp, createMemoryStorage } from "../src/mod.ts";

// The prefix is the whole path: an app that is mounted with route() sees the request as it came.
const streams = createApp({ storage: createMemoryStorage(), prefix: "/api/streams" });

const app = new Hono();
app.get("/", (context) => context.text("The streams are under /api/streams/.\n"));
app.use("/api/streams/*", bearerAuth({ token: Deno.env.get("TOKEN") ?? "secret" }));
app.route("/", streams);

Deno.serve({
  // Without a host name it would listen on every address of the machine.
  hostname: "127.0.0.1",
  port: Number(Deno.env.get("PORT") ?? 4437),
  onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}/api/streams`),
}, app.fetch);
