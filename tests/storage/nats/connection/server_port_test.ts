import { equal, notEqual, ok } from "node:assert/strict";
import { createServer } from "node:net";
import { serverPort } from "../../../support/nats/server_port.ts";

Deno.test("a server's port is none that an outgoing connection may take while the server is down", async () => {
  for (let i = 0; i < 50; i++) ok(await serverPort() < 32_768);
});

Deno.test("a port at which somebody listens isn't a server's", async () => {
  const taken = await serverPort();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(taken, "127.0.0.1", resolve));
  const drawn = [(taken - 20_000 + 0.5) / 12_000];
  notEqual(await serverPort(() => drawn.shift() ?? Math.random()), taken);
  equal(drawn.length, 0);
  await new Promise((resolve) => other.close(resolve));
});
