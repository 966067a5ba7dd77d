import { bun } from "../system/bun.ts";

/** A request handler in the standard shape, the same for both runtimes. */
export type Handler = (request: Request) => Response | Promise<Response>;

/**
 * Serves on a free port of 127.0.0.1 and prints the line the bench waits for.
 *
 * @param handler What answers each request.
 */
export function serve(handler: Handler): void {
  const runtime = bun();
  if (runtime !== undefined) {
    const server = runtime.serve({
      hostname: "127.0.0.1",
      port: 0,
      idleTimeout: 0,
      fetch: handler,
    });
    announce(server.port);
    return;
  }
  Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: (address) => announce(address.port),
  }, handler);
}

function announce(port: number): void {
  console.log(`listening on http://127.0.0.1:${port}/v1/stream`);
}
