import { equal, match, ok } from "node:assert/strict";
import { once } from "node:events";
import { createServer, get } from "node:http";
import { Client } from "../../../src/client/client.ts";
import { startProgram } from "../../tools/program.ts";
import { runCommand } from "../../tools/command.ts";
import { inRepo } from "../../tools/repo.ts";

const DEMO = [Deno.execPath(), "run", "-A", inRepo("main.ts"), "demo"];

Deno.test("the demo serves its page, answers a message, and ends at SIGTERM", async () => {
  const demo = await startProgram([...DEMO, "--port", "0", "--pace", "1ms"]);
  try {
    const page = await (await fetch(demo.url)).text();
    const [, streams = ""] = /"streams":"([^"]*)"/.exec(page) ?? [];
    match(streams, /^http:\/\/127\.0\.0\.1:\d+\/v1\/stream$/);
    const post = (path: string, body: string, type = "application/json") =>
      fetch(`${demo.url}${path}`, { method: "POST", body, headers: { "content-type": type } });
    const messages = [{ role: "user", parts: [{ type: "text", text: "hello" }] }];
    const answer = await post("api/chat", JSON.stringify({ id: "c", answer: "a", messages }));
    equal(answer.status, 202);
    await answer.body?.cancel();
    const text = await new Client(streams).reader("chats/c/a").textStream().getReader().read();
    ok(text.value?.includes("data-ds-answer"));
    const statuses = [
      await post("api/chat", "{}"),
      await post("api/chat", "no JSON"),
      await post("api/chat", "{}", "text/plain"),
      await post("api/chat", "x".repeat(1_100_000)),
      await post("api/other", "{}"),
      await post("api/chat/stop", '{"id":"none"}'),
    ].map(({ status }) => status);
    equal(statuses.join(), "400,400,415,413,404,200");
    // A page whose name leads to this machine (DNS rebinding) would read the chats by it.
    const { port } = new URL(demo.url);
    for (const host of [`rebound.example:${port}`, "127.0.0.1.rebound.example", "a@localhost"]) {
      equal(await statusFor(demo.url, host), 421, host);
    }
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) {
      equal(await statusFor(demo.url, host), 200, host);
    }
  } finally {
    await demo.stop();
  }
});

function statusFor(url: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { headers: { host }, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).on("error", reject);
  });
}

Deno.test("a port that is taken is an error with the way out", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const address = other.address();
  const port = typeof address === "object" ? String(address?.port) : "";
  const { code, output } = await runCommand([...DEMO, "--port", port], { limitMinutes: 1 });
  other.close();
  equal(code, 1, output);
  match(output, /the demo can't listen on port \d+: .*EADDRINUSE.*--port 0 picks a free one/);
});
