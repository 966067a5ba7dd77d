import { deepEqual, equal, rejects } from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { connect } from "node:tls";
import { ConnectionCounts } from "../../src/http/connection_counts.ts";
import { listen } from "../../src/listen/listen.ts";
import type { Listener } from "../../src/listen/listener.ts";
import { AUTHORITY, FIRST, SECOND } from "../support/certificates.ts";
import { until } from "../support/until.ts";

async function withListener(
  options: { maxConnections?: number; handshakeTimeoutMs?: number; counts?: ConnectionCounts },
  run: (listener: Listener) => Promise<void>,
): Promise<void> {
  const listener = await listen({
    host: "127.0.0.1",
    port: 0,
    handler: (_request, respond) => respond({ status: 200, headers: {}, body: "here" }),
    longestSilenceMs: 30_000,
    http: "own",
    maxConnections: 10,
    isShared: false,
    tls: FIRST,
    ...options,
  });
  try {
    await run(listener);
  } finally {
    await listener.stop();
  }
}

/** Connects, says nothing, and takes note of the end. */
function silentClient({ port }: Listener): { socket: Socket; isEnded: () => boolean } {
  let isEnded = false;
  const socket = connectTcp(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.on("close", () => isEnded = true);
  return { socket, isEnded: () => isEnded };
}

async function nameSeen({ port }: Listener): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", ca: AUTHORITY });
  await once(socket, "secureConnect");
  const name = String(socket.getPeerCertificate().subject?.CN);
  socket.destroy();
  return name;
}

Deno.test("a handshake that never ends is ended by the server", async () => {
  const counts = new ConnectionCounts("tls");
  await withListener({ handshakeTimeoutMs: 50, counts }, async (listener) => {
    const { isEnded } = silentClient(listener);
    await until(isEnded, () => "the silent client is still connected");
    equal(await nameSeen(listener), "first");
    await until(() => counts.accepted === 1, () => `${counts.accepted} were taken in`);
    equal(counts.timedOut.handshake, 1);
  });
});

Deno.test("handshakes count as connections, so that not too many are under way", async () => {
  const counts = new ConnectionCounts("tls");
  await withListener({ maxConnections: 2, counts }, async (listener) => {
    const clients = Array.from({ length: 70 }, () => silentClient(listener));
    const ended = () => clients.filter(({ isEnded }) => isEnded()).length;
    await until(() => ended() === 70 - 66, () => `${ended()} of 70 have been ended`);
    for (const { socket } of clients) socket.destroy();
    deepEqual([counts.accepted, counts.refused], [0, 4]);
  });
});

Deno.test("a certificate takes the other's place, a faulty one doesn't", async () => {
  await withListener({}, async (listener) => {
    await rejects(async () => {
      await listener.setCertificate({ ...SECOND, key: FIRST.key });
    }, RangeError);
    equal(await nameSeen(listener), "first");
    await listener.setCertificate(SECOND);
    equal(await nameSeen(listener), "second");
  });
});
