import { rejects } from "node:assert/strict";
import { type HostileProxy, type HostileProxyOptions, startHostileProxy } from "./hostile_proxy.ts";
import type { Fault } from "./fault.ts";

/** A server behind a hostile proxy, for a test of the proxy itself. */
export interface Served {
  readonly proxy: HostileProxy;
  /** What the server got, as `METHOD /path?query body`, in the order in which it was done. */
  readonly seen: readonly string[];
  /** Sends a request through the proxy. */
  send(method: string, target: string, init?: RequestInit): Promise<Response>;
}

/** Answers a request whose body was read already. */
export type Handler = (request: Request, body: string) => Response | Promise<Response>;

/** Runs a test with a server and a proxy before it, and ends both. */
export async function withProxy(
  decide: Fault | HostileProxyOptions,
  handler: Handler,
  test: (served: Served) => Promise<void>,
): Promise<void> {
  const seen: string[] = [];
  const server = serveLocally(async (request) => {
    const body = await request.text();
    const { pathname, search } = new URL(request.url);
    const answer = await handler(request, body);
    seen.push(`${request.method} ${pathname}${search}${body === "" ? "" : ` ${body}`}`);
    return answer;
  });
  const options = "kind" in decide ? { decide: () => decide } : decide;
  const proxy = await startHostileProxy(originOf(server), options);
  try {
    await test({
      proxy,
      seen,
      send: (method, target, init) => fetch(`${proxy.origin}${target}`, { method, ...init }),
    });
  } finally {
    await proxy.close().finally(() => server.shutdown());
  }
}

/** Serves on a port of its own. */
export function serveLocally(
  handler: (request: Request) => Response | Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    automaticCompression: false,
    onListen() {},
  }, handler);
}

/** Where it listens: `http://127.0.0.1:PORT`. */
export function originOf(server: Deno.HttpServer<Deno.NetAddr>): string {
  return `http://127.0.0.1:${server.addr.port}`;
}

/** An answer of these chunks, which ends where it isn't said to go on. */
export function streamed(chunks: readonly string[], goesOn?: { onCancel: () => void }): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(encoder.encode(chunk));
      if (goesOn === undefined) controller.close();
    },
    cancel: () => goesOn?.onCancel(),
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

/** All that comes of a body before its connection breaks, which it has to. */
export async function untilBroken(answer: Response): Promise<Uint8Array> {
  const got: number[] = [];
  await rejects(async () => {
    for await (const piece of answer.body ?? []) got.push(...piece);
  }, TypeError);
  return Uint8Array.from(got);
}
