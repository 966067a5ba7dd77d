import { match } from "node:assert/strict";
import { HTTP_TARGETS } from "./targets.ts";
import { RawConnection } from "./raw_http.ts";
import { startServer } from "./server_process.ts";

/** Each server has its own way to say who is connected. */
for (const target of HTTP_TARGETS.filter(({ name }) => name !== "executable")) {
  Deno.test(`${target.name}: clients are told apart by the address that they come from`, async () => {
    const flags = ["--client-requests", "1/s burst 2", "--storage", "memory", "--port", "0"];
    await using server = await startServer(await target.command(), flags);
    for (const address of ["127.0.0.1", "127.0.0.2"]) {
      using first = new RawConnection(server.url, address);
      using second = new RawConnection(server.url, address);
      const ask = async (connection: RawConnection) => {
        const seen = connection.received.length;
        connection.send("GET /v1/stream/a?offset=-1 HTTP/1.1\nHost: localhost\n\n");
        return (await connection.after(seen, "}}")).slice(seen);
      };
      match(await ask(first), /^HTTP\/1\.1 404 /);
      match(await ask(first), /^HTTP\/1\.1 404 /);
      match(await ask(second), /^HTTP\/1\.1 429 .*retry-after: 1\r\n.*client-requests/is);
    }
  });
}
