import { type Bytes, concatBytes } from "../../../src/protocol/bytes.ts";
import type { Random } from "../random.ts";

type Send = (url: string, init: RequestInit) => Response | Promise<Response>;

/** After so many failures in a row one request to a path gets through: who asks again arrives at last. */
const FAILURES_LIMIT = 2;

/**
 * A way to a server on which requests get lost, answers break off or are cut without a sign, and SSE
 * comes in pieces of any size.
 */
export function unreliableNetwork(send: Send, random: Random, faultChance: number): Send {
  const failures = new Map<string, number>();
  const fails = (path: string) => {
    const before = failures.get(path) ?? 0;
    const fault = before < FAILURES_LIMIT && random.chance(faultChance);
    failures.set(path, fault ? before + 1 : 0);
    return fault;
  };
  return async (url, init) => {
    const isSse = url.includes("live=sse") || url.endsWith("/__ds/live");
    const fault = fails(new URL(url).pathname)
      ? random.pick(["lost", "unavailable", "cut"] as const)
      : "none";
    if (fault === "lost") throw new TypeError("connection reset");
    if (fault === "unavailable") return new Response("later", { status: 503 });
    const response = await send(url, init);
    if (response.body === null || !response.ok) return response;
    const { status, headers } = response;
    if (isSse) {
      const limit = fault === "cut" ? random.below(200) : Infinity;
      return new Response(inPieces(response.body, random, limit), { status, headers });
    }
    const body = new Uint8Array(await response.arrayBuffer());
    // Only a JSON body shows that it was cut; of others the connection has to tell.
    const isJson = headers.get("content-type") === "application/json";
    if (fault !== "cut" || body.length === 0) return new Response(body, { status, headers });
    if (!isJson) throw new TypeError("connection reset");
    return new Response(body.subarray(0, random.below(body.length)), { status, headers });
  };
}

/** The same bytes, broken anew, and cut after `limit` of them, now cleanly, now not. */
function inPieces(
  body: ReadableStream<Bytes>,
  random: Random,
  limit: number,
): ReadableStream<Bytes> {
  const reader = body.getReader();
  let left = limit;
  let rest: Bytes[] = [];
  return new ReadableStream<Bytes>({
    async pull(controller) {
      if (rest.length === 0) {
        const { done, value } = await reader.read();
        if (done) return controller.close();
        rest = pieces(value, random);
      }
      const piece = concatBytes(rest.splice(0, 1)).subarray(0, left);
      left -= piece.length;
      if (piece.length > 0) controller.enqueue(piece);
      if (left > 0) return;
      await reader.cancel();
      if (random.chance(0.5)) controller.close();
      else controller.error(new TypeError("connection reset"));
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

function pieces(bytes: Bytes, random: Random): Bytes[] {
  const parts: Bytes[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + random.between(1, 40);
    parts.push(bytes.slice(at, end));
    at = end;
  }
  return parts;
}
