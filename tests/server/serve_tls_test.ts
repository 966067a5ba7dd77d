import { equal, rejects } from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:tls";
import { serve } from "../../src/server/serve.ts";
import { createMemoryStorage } from "../../src/storage/memory.ts";
import { AUTHORITY, FIRST, SECOND } from "../support/certificates.ts";

async function nameSeen(port: number): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", ca: AUTHORITY });
  await once(socket, "secureConnect");
  const name = String(socket.getPeerCertificate().subject?.CN);
  socket.destroy();
  return name;
}

Deno.test("serve() speaks TLS, and its certificate can be replaced", async () => {
  const storage = createMemoryStorage();
  const server = await serve({ storage, port: 0, tls: FIRST });
  equal(server.url, `https://127.0.0.1:${server.port}/v1/stream`);
  equal(await nameSeen(server.port), "first");
  await rejects(server.setCertificate({ ...FIRST, key: SECOND.key }), RangeError);
  await server.setCertificate(SECOND);
  equal(await nameSeen(server.port), "second");
  await server.stop();
  await rejects(serve({ storage, port: 0, tls: { ...FIRST, key: "none" } }), {
    name: "RangeError",
    message: /^tls\.key holds no private key/,
  });
  await storage.close();
});

Deno.test("serve() without TLS has no certificate to replace", async () => {
  const storage = createMemoryStorage();
  const server = await serve({ storage, port: 0 });
  await rejects(server.setCertificate(FIRST), /it speaks plain HTTP/);
  await server.stop();
  await storage.close();
});
