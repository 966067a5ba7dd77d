/**
 * A worker that is woken by webhooks, in Hono: `deno run -A examples/webhook_worker.ts`, or
 * `bun examples/webhook_worker.ts`, beside a server that runs already (`durable-streams`).
 *
 * From a project of your own the import is `from "durable-streams/client"`. A worker on another machine
 * has an https URL of its own, and STREAMS_URL names the server.
 */
import process from "node:process";
import { Hono } from "hono";
import { Client, ClientError, verifyWebhook } from "../src/client/mod.ts";

declare const Bun: undefined | {
  serve(options: {
    hostname: string;
    port: number;
    fetch: (request: Request) => Response | Promise<Response>;
  }): { port: number };
};

const port = Number(process.env.PORT ?? 8080);
const client = new Client(process.env.STREAMS_URL ?? "http://127.0.0.1:4437/v1/stream");
const subscription = client.subscription("mail");
/** Where the server's keys are; known once it is subscribed to. */
let keys = "";

const app = new Hono();

app.post("/hook", async (context) => {
  // From here on the request is known to be the server's, and of the last five minutes.
  const wake = await verifyWebhook(context.req.raw, keys, { subscriptionId: subscription.id });
  for (const { path, ackedOffset } of wake.streams) {
    // It may read what came after the wake, and again at the next: at least once, like any delivery.
    const reader = client.reader(path, { offset: ackedOffset, readMode: "catch-up" });
    for await (const message of reader) console.log(`${path}: ${message.text()}`);
  }
  // Acknowledges all that the wake named. An answer that isn't 2xx has it come again.
  return context.json({ done: true });
});

app.onError((error, context) => {
  const isForged = error instanceof ClientError && error.code === "invalid_webhook";
  if (!isForged) console.error(error);
  return context.text(error.message, isForged ? 401 : 500);
});

const listening = typeof Bun === "undefined"
  ? Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, app.fetch).addr.port
  : Bun.serve({ hostname: "127.0.0.1", port, fetch: app.fetch }).port;

const { jwksUrl = "" } = await subscription.create({
  pattern: "mail/*",
  webhookUrl: `http://127.0.0.1:${listening}/hook`,
});
keys = jwksUrl;
console.log(`listening on http://127.0.0.1:${listening}/hook`);
