import { equal, match } from "node:assert/strict";
import { Command } from "commander";
import { addFlags, readFlags } from "../../../src/cli/flags/flag_values.ts";
import { serveFlags } from "../../../src/cli/flags/serve_flags.ts";
import { appSettings } from "../../../src/cli/serve/app_settings.ts";
import { startHttpWorkers } from "../../../src/cli/serve/http_workers.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import { parseExposition } from "../../metrics/exposition_parser.ts";

function settings(...args: string[]) {
  const command = new Command().exitOverride();
  addFlags(command, serveFlags);
  command.parse(args, { from: "user" });
  return appSettings(readFlags(command, serveFlags, {}), 2, 100);
}

Deno.test("metrics are on where only this machine or an admin gets them, and elsewhere where they are asked for", () => {
  const pathWith = (...args: string[]) => settings(...args).app.metrics;
  equal(pathWith(), "/metrics");
  equal(pathWith("--host", "0.0.0.0", "--insecure"), undefined);
  equal(pathWith("--host", "0.0.0.0", "--tokens", "tokens.json"), "/metrics");
  equal(pathWith("--host", "0.0.0.0", "--insecure", "--metrics", "/m"), "/m");
  equal(pathWith("--metrics", "none"), undefined);
  equal(pathWith("--prefix", "/"), undefined);
  equal(settings("--metrics-streams", "a/*").app.metricsStreams, "a/*");
});

Deno.test("with several threads the metrics are the sum of all, whichever is asked", async () => {
  const storage = createMemoryStorage();
  const logs = { level: "error", format: "text" } as const;
  const workers = await startHttpWorkers(2, settings("--port", "0"), logs, undefined);
  await workers.serve(storage);
  const base = `http://127.0.0.1:${workers.port}`;
  // A connection each, so that both threads get some.
  const send = async (method: string, path: string) => {
    const headers = { connection: "close", "content-type": "text/plain" };
    const body = method === "GET" ? null : "x";
    const response = await fetch(base + path, { method, headers, body });
    return await response.text();
  };
  try {
    await send("PUT", "/v1/stream/a");
    await Promise.all(Array.from({ length: 40 }, () => send("POST", "/v1/stream/a")));
    for (let i = 0; i < 6; i++) {
      const text = await send("GET", "/metrics");
      parseExposition(text, "text");
      match(text, /^durable_streams_http_requests_total\{method="POST",status="2xx"\} 40$/m);
      match(text, /^durable_streams_appends_total 40$/m);
      match(text, /^durable_streams_threads 3$/m);
    }
  } finally {
    workers.endReaders();
    await workers.stop();
    await storage.close();
  }
});
