import { deepEqual, equal } from "node:assert/strict";
import { ConnectionCounts } from "../../src/http/connection_counts.ts";
import { HttpConnections } from "../../src/http/connections.ts";
import { BunTls } from "../../src/listen/bun_tls.ts";
import type { BunSocket, BunUpgradeOptions } from "../../src/listen/bun_runtime.ts";
import type { TlsOptions } from "../../src/listen/tls.ts";
import type { Bytes } from "../../src/protocol/bytes.ts";
import { AUTHORITY, FIRST, SECOND } from "../support/certificates.ts";
import { ManualClock } from "../support/manual_clock.ts";

/** A client of TCP whose handshake the test plays. */
class FakeSocket implements BunSocket<undefined> {
  readonly fd = 7;
  data: undefined;
  isEnded = false;
  sent = "";
  cert = "";
  #isUpgraded = false;
  /** Plays the end of the handshake. */
  agree: (isDone: boolean, error: Error | null) => void = () => {};
  receive: (text: string) => void = () => {};

  upgradeTLS<Data>(
    { tls, data, socket: handlers }: BunUpgradeOptions<Data>,
  ): readonly [unknown, BunSocket<Data>] {
    this.cert = tls.cert;
    this.#isUpgraded = true;
    const end = () => this.isEnded = true;
    const encrypted: BunSocket<Data> = {
      fd: 7,
      data,
      upgradeTLS: () => {
        throw new Error("It is one of TLS.");
      },
      write: (data) => this.write(data),
      pause() {},
      resume() {},
      shutdown() {},
      end,
      terminate: end,
    };
    this.agree = (isDone, error) => handlers.handshake?.(encrypted, isDone, error);
    this.receive = (text) => handlers.data?.(encrypted, new TextEncoder().encode(text));
    return [this, encrypted];
  }

  write(data: Bytes | string): number {
    this.sent += typeof data === "string" ? data : new TextDecoder().decode(data);
    return data.length;
  }

  pause(): void {}
  resume(): void {}
  shutdown(): void {}
  end(): void {}

  /** As Bun has it, only while there is no TLS on it. */
  terminate(): void {
    if (!this.#isUpgraded) this.isEnded = true;
  }
}

function begin(tls: TlsOptions, maxConnections = 10) {
  const clock = new ManualClock();
  const counts = new ConnectionCounts("tls");
  const connections = new HttpConnections({
    handler: (_request, respond) => respond({ status: 200, headers: {}, body: "here" }),
    clock,
    longestSilenceMs: 1_000,
    maxConnections,
    isEncrypted: true,
    counts,
  });
  const upgrade = new BunTls(tls, { connections, clock, maxConnections, counts });
  const accept = () => {
    const socket = new FakeSocket();
    upgrade.accept(socket);
    return socket;
  };
  return { clock, upgrade, accept, counts };
}

const REQUEST = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

Deno.test("a handshake that doesn't end within ten seconds is ended, one that has isn't", () => {
  const { clock, accept, counts } = begin(FIRST);
  const [silent, agreed] = [accept(), accept()];
  agreed.agree(true, new Error("no certificate of the client's"));
  clock.advance(9_000);
  equal(silent.isEnded, false);
  clock.advance(3_000);
  deepEqual([silent.isEnded, agreed.isEnded], [true, false]);
  deepEqual([counts.open, counts.accepted, counts.timedOut.handshake], [1, 1, 1]);
});

Deno.test("nothing is served before both sides have agreed, nor where they don't", () => {
  const { accept } = begin(FIRST);
  const early = accept();
  early.receive(REQUEST);
  early.agree(false, new Error("no protocol"));
  deepEqual([early.sent, early.isEnded], ["", true]);
  const agreed = accept();
  agreed.agree(true, null);
  agreed.receive(REQUEST);
  equal(agreed.sent.startsWith("HTTP/1.1 200 OK\r\n"), true);
});

Deno.test("where clients need a certificate, one with a wrong one is ended", () => {
  const { accept } = begin({ ...FIRST, ca: AUTHORITY });
  const stranger = accept();
  stranger.agree(true, new Error("self-signed"));
  stranger.receive(REQUEST);
  deepEqual([stranger.sent, stranger.isEnded], ["", true]);
  const known = accept();
  known.agree(true, null);
  known.receive(REQUEST);
  equal(known.sent.startsWith("HTTP/1.1 200 OK\r\n"), true);
});

Deno.test("handshakes count as connections, and far too many are ended", () => {
  const { upgrade, accept, counts } = begin(FIRST, 2);
  const all = Array.from({ length: 67 }, accept);
  deepEqual(all.map(({ isEnded }) => isEnded).indexOf(true), 66);
  equal(counts.refused, 1);
  upgrade.closed();
  upgrade.closed();
  equal(accept().isEnded, false);
});

Deno.test("whoever comes after a change gets the new certificate", async () => {
  const { upgrade, accept } = begin(FIRST);
  equal(accept().cert, FIRST.cert);
  await upgrade.setCertificate(SECOND);
  equal(accept().cert, SECOND.cert);
});
