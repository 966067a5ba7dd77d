/**
 * What the program uses of Deno's global, for the compiler that builds the package, which knows
 * nothing of it. Deno itself checks the same code against its own declarations.
 */
declare namespace Deno {
  const version: { deno: string };
  interface NetAddr {
    port: number;
  }
  interface HttpServer<Addr> {
    addr: Addr;
    finished: Promise<void>;
    shutdown(): Promise<void>;
  }
  function serve(
    options: {
      hostname: string;
      port: number;
      reusePort: boolean;
      onListen(): void;
      onError(error: unknown): Response;
      automaticCompression: boolean;
    },
    handler: (request: Request) => Response | Promise<Response>,
  ): HttpServer<NetAddr>;
}
