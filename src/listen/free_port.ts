import { createServer } from "node:net";
import type { Address } from "./listen_error.ts";

/**
 * The port to listen on, which no other program uses: listeners that share a port don't notice that another
 * program shares it too.
 *
 * @throws the system's error where the port is in use, or can't be listened on
 */
export function freePort({ host, port }: Address): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen({ host, port }, () => {
      const address = probe.address();
      const found = typeof address === "object" && address !== null ? address.port : port;
      probe.close(() => resolve(found));
    });
  });
}
