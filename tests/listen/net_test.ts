import { equal, match, rejects } from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import type { Handler, HttpResponse } from "../../src/http/handler.ts";
import { ListenError, urlHost } from "../../src/listen/listen_error.ts";
import { listen } from "../../src/listen/listen.ts";
import type { Listener } from "../../src/listen/listener.ts";

/** Some containers have no IPv6. */
const HOST = Object.values(networkInterfaces()).flat().some((each) => each?.address === "::1")
  ? "::1"
  : "127.0.0.1";
const LONG_BYTES = 12 * 1024 * 1024 + 7;

async function withListener(
  handler: Handler,
  run: (listener: Listener) => Promise<void>,
  options: { host?: string; port?: number; isShared?: boolean } = {},
): Promise<void> {
  const listener = await listen({
    host: "127.0.0.1",
    port: 0,
    handler,
    longestSilenceMs: 30_000,
    http: "own",
    maxConnections: 10,
    isShared: false,
    ...options,
  });
  try {
    await run(listener);
  } finally {
    await listener.stop();
  }
}

async function ask({ port }: Listener, host = "127.0.0.1"): Promise<Socket> {
  const socket = connect({ port, host });
  socket.pause();
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write("GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  return socket;
}

async function all(socket: Socket): Promise<string> {
  let text = "";
  socket.setEncoding("latin1").on("data", (part: string) => text += part).resume();
  await once(socket, "close");
  return text;
}

function answer(body: HttpResponse["body"]): HttpResponse {
  return { status: 200, headers: {}, body };
}

Deno.test("a long response comes whole, whether its client reads at once or later", async () => {
  const body = Uint8Array.from({ length: LONG_BYTES }, (_, i) => 97 + (i >> 16) % 26);
  const asked = Promise.withResolvers<void>();
  const handler: Handler = (_request, respond) => {
    respond(answer(body));
    asked.resolve();
  };
  await withListener(handler, async (listener) => {
    const [late, soon] = [await ask(listener), all(await ask(listener))];
    await asked.promise;
    for (const text of [await soon, await all(late)]) {
      const end = text.indexOf("\r\n\r\n") + 4;
      equal(text.length - end, LONG_BYTES);
      equal(text.slice(end) === new TextDecoder("latin1").decode(body), true);
    }
  });
});

Deno.test("a client that sends nothing more is treated as disconnected", async () => {
  const gone = Promise.withResolvers<void>();
  const handler: Handler = (request) => {
    request.signal.addEventListener("abort", () => gone.resolve());
  };
  await withListener(handler, async (listener) => {
    const socket = await ask(listener);
    socket.end();
    await gone.promise;
    equal(await all(socket), "");
  });
});

Deno.test("IPv6 has its address, and a port in use is said so unless it is shared", async () => {
  const handler: Handler = (_request, respond) => respond(answer("here"));
  await withListener(handler, async (listener) => {
    match(await all(await ask(listener, HOST)), /^HTTP\/1\.1 200 .*here$/s);
    const { port } = listener;
    await rejects(
      withListener(handler, () => Promise.resolve(), { host: HOST, port }),
      (error) =>
        error instanceof ListenError &&
        error.message.startsWith(`${urlHost(HOST)}:${port} is in use`),
    );
  }, { host: HOST });
  await withListener(handler, async ({ port }) => {
    await withListener(handler, (other) => {
      equal(other.port, port);
      return Promise.resolve();
    }, { port, isShared: true });
  }, { isShared: true });
});
