import { equal, match } from "node:assert/strict";
import { CommandKit } from "./command_kit.ts";

const json = (body: string, status: number) => () =>
  new Response(body, { status, headers: { "content-type": "application/json" } });

Deno.test("health prints what the server says of itself, and exits 0", async () => {
  const kit = new CommandKit({ health: "/health" });
  equal(JSON.parse(await kit.ok(["health"])).status, "ok");
});

Deno.test("health asks where the server's own variable says", async () => {
  const kit = new CommandKit({ health: "/up" });
  await kit.ok(["health"], { environment: { DURABLE_STREAMS_HEALTH: "/up" } });
  const { code, stderr } = await kit.run(["health"]);
  equal(code, 1);
  match(stderr, /localhost:4437\/health answers 404 and not how the server is/);
});

Deno.test("health exits 5 where the server fails, stops or isn't there", async () => {
  const kit = new CommandKit();
  const failed = await kit.run(["health", "--retry", "0ms"], {
    fetch: json('{"status":"failed"}\n', 503),
  });
  equal(failed.code, 5);
  equal(failed.stdout, '{"status":"failed"}\n');
  const gone = await kit.run(["health", "--retry", "0ms"], {
    fetch: () => Promise.reject(new TypeError("refused")),
  });
  equal(gone.code, 5);
  match(gone.stderr, /can't reach http:\/\/localhost:4437/);
});
