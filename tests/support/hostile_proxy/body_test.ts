import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { settle } from "../fixture.ts";
import { RawConnection } from "../../runtime/raw_http.ts";
import { streamed, untilBroken, withProxy } from "./kit.ts";
import { ManualClock } from "../manual_clock.ts";

const text = (body: string) => () => new Response(body, { headers: { etag: '"1"' } });
const LAST_CHUNK = "\r\n0\r\n\r\n";
const raw = "GET / HTTP/1.1\nhost: a\n\n";

Deno.test("cut-body of a known length: head, so many bytes, a reset", async () => {
  await withProxy({ kind: "cut-body", afterBytes: 3 }, text("aé日"), async ({ proxy, send }) => {
    const answer = await send("GET", "/");
    equal(answer.headers.get("content-length"), "6");
    deepEqual(await untilBroken(answer), new TextEncoder().encode("aé"));
    equal(proxy.exchanges[0]?.sentBytes, 3);
    equal(proxy.exchanges[0]?.outcome, "reset");
  });
});

Deno.test("cut-body within a character: its first bytes come", async () => {
  await withProxy({ kind: "cut-body", afterBytes: 2 }, text("aé日"), async ({ send }) => {
    deepEqual(await untilBroken(await send("GET", "/")), Uint8Array.of(0x61, 0xc3));
  });
});

Deno.test("cut-body of an event stream that goes on: cut within an event, and the server sees it", async () => {
  const cancelled = Promise.withResolvers<void>();
  const events = () => streamed(["data: 1\n\n", "data: 2\n\n"], { onCancel: cancelled.resolve });
  await withProxy({ kind: "cut-body", afterBytes: 12 }, events, async ({ send }) => {
    const got = await untilBroken(await send("GET", "/"));
    equal(new TextDecoder().decode(got), "data: 1\n\ndat");
    await cancelled.promise;
  });
});

Deno.test("cut-body after 0 bytes: the head and nothing else", async () => {
  await withProxy({ kind: "cut-body", afterBytes: 0 }, text("abc"), async ({ send }) => {
    const answer = await send("GET", "/");
    equal(answer.status, 200);
    equal((await untilBroken(answer)).length, 0);
  });
});

Deno.test("end-body: a part that looks like all of it", async () => {
  await withProxy({ kind: "end-body", afterBytes: 2 }, text("abc"), async ({ proxy, send }) => {
    const answer = await send("GET", "/");
    equal(answer.headers.get("content-length"), null);
    equal(await answer.text(), "ab");
    equal(proxy.exchanges[0]?.outcome, "answered");
  });
});

Deno.test("end-body of an event stream that goes on: it ends, and the server sees it", async () => {
  const cancelled = Promise.withResolvers<void>();
  const events = () => streamed(["data: 1\n\n"], { onCancel: cancelled.resolve });
  await withProxy({ kind: "end-body", afterBytes: 4 }, events, async ({ send }) => {
    equal(await (await send("GET", "/")).text(), "data");
    await cancelled.promise;
  });
});

Deno.test("delay: the request waits, then the answer", async () => {
  const clock = new ManualClock();
  const fault = { kind: "delay", requestMs: 50, responseMs: 70 } as const;
  await withProxy({ decide: () => fault, clock }, text("abc"), async ({ proxy, seen, send }) => {
    const answer = send("GET", "/");
    await proxy.until((exchange) => exchange.fault !== undefined);
    equal(clock.pendingTimers, 1);
    clock.advance(49);
    equal(clock.pendingTimers, 1);
    deepEqual(seen, []);
    clock.advance(1);
    await proxy.until(({ serverStatuses }) => serverStatuses.length === 1);
    equal(proxy.exchanges[0]?.sentStatus, undefined);
    await settle();
    equal(clock.pendingTimers, 1);
    clock.advance(70);
    equal(await (await answer).text(), "abc");
    equal(clock.pendingTimers, 0);
  });
});

Deno.test("delay: a POST whose client left during it arrives late", async () => {
  const clock = new ManualClock();
  const decide = () => ({ kind: "delay", requestMs: 50 }) as const;
  await withProxy({ decide, clock }, text("abc"), async ({ proxy, seen, send }) => {
    const giveUp = new AbortController();
    const left = rejects(send("POST", "/", { body: "late", signal: giveUp.signal }));
    await proxy.until((exchange) => exchange.fault !== undefined);
    giveUp.abort();
    await left;
    clock.advance(50);
    await proxy.until(({ outcome }) => outcome !== undefined);
    deepEqual(seen, ["POST / late"]);
  });
});

Deno.test("delay: a GET whose client left during it never arrives", async () => {
  const clock = new ManualClock();
  const decide = () => ({ kind: "delay", requestMs: 50 }) as const;
  await withProxy({ decide, clock }, text("abc"), async ({ proxy, seen }) => {
    {
      using connection = new RawConnection(proxy.origin);
      connection.send(raw);
      await proxy.until((exchange) => exchange.fault !== undefined);
    }
    equal((await proxy.until(({ outcome }) => outcome !== undefined)).outcome, "left");
    equal(clock.pendingTimers, 0);
    deepEqual(seen, []);
  });
});

Deno.test("delay in pieces: each piece is a chunk of its own", async () => {
  const fault = { kind: "delay", bytesPerPiece: 2, pieceMs: 1 } as const;
  await withProxy(fault, text("abcde"), async ({ proxy }) => {
    using connection = new RawConnection(proxy.origin);
    connection.send(raw);
    const got = bodyOf(await connection.until(LAST_CHUNK));
    equal(got, `2\r\nab\r\n2\r\ncd\r\n1\r\ne${LAST_CHUNK}`);
  });
});

Deno.test("buffer: what the server has sent comes at its end, as one", async () => {
  const fault = { kind: "buffer" } as const;
  await withProxy(fault, () => streamed(["one ", "two"]), async ({ proxy }) => {
    using connection = new RawConnection(proxy.origin);
    connection.send(raw);
    equal(bodyOf(await connection.until(LAST_CHUNK)), `7\r\none two${LAST_CHUNK}`);
  });
});

Deno.test("buffer: the head comes before, and no more", async () => {
  const left = Promise.withResolvers<void>();
  const endless = () => streamed(["one", "two"], { onCancel: left.resolve });
  await withProxy({ kind: "buffer" }, endless, async ({ proxy, send }) => {
    const answer = await send("GET", "/");
    equal(answer.status, 200);
    await answer.body?.cancel();
    await left.promise;
    equal(proxy.exchanges[0]?.sentBytes, 0);
  });
});

Deno.test("buffer until so many bytes: portions, and the head with the first where it is held", async () => {
  const server = new PushedResponse();
  const fault = { kind: "buffer", untilBytes: 6, holdsHead: true } as const;
  const handler = (request: Request) => request.method === "GET" ? server.answer : new Response();
  await withProxy(fault, handler, async ({ proxy, send }) => {
    using connection = new RawConnection(proxy.origin);
    connection.send(raw);
    server.push("four");
    await proxy.until(({ serverStatuses }) => serverStatuses.length === 1);
    // Others come and go meanwhile.
    for (let i = 0; i < 3; i++) await send("DELETE", "/");
    equal(connection.received, "");
    server.push("more");
    await connection.until("fourmore");
    server.push("end");
    server.end();
    const got = await connection.until(LAST_CHUNK);
    equal(bodyOf(got), `8\r\nfourmore\r\n3\r\nend${LAST_CHUNK}`);
  });
});

Deno.test("strip-headers: those are gone, and the rest is there", async () => {
  const fault = { kind: "strip-headers", names: ["ETag", "Content-Length"] } as const;
  await withProxy(fault, text("abc"), async ({ send }) => {
    const answer = await send("GET", "/");
    equal(answer.headers.get("etag"), null);
    equal(answer.headers.get("content-length"), null);
    equal(answer.headers.get("content-type"), "text/plain;charset=UTF-8");
    equal(await answer.text(), "abc");
  });
});

Deno.test("a long body passes whole both ways", async () => {
  const long = "0123456789abcdef".repeat(64 * 1024);
  await withProxy({ kind: "pass" }, (_, body) => new Response(body), async ({ proxy, send }) => {
    equal(await (await send("POST", "/", { body: long })).text(), long);
    equal(proxy.exchanges[0]?.sentBytes, long.length);
  });
});

Deno.test("a client that doesn't read: the proxy doesn't take in more, and it gets all later", async () => {
  const block = new Uint8Array(1024 * 1024);
  const blocks = 32;
  const taken: number[] = [];
  const long = () => {
    const index = taken.push(0) - 1;
    return new Response(
      new ReadableStream({
        pull(controller) {
          const before = taken[index] ?? 0;
          if (before === blocks) return controller.close();
          taken[index] = before + 1;
          controller.enqueue(block);
        },
      }, { highWaterMark: 0 }),
    );
  };
  await withProxy({ kind: "pass" }, long, async ({ send }) => {
    const slow = await send("GET", "/");
    // As much passes in the meantime for one who reads.
    equal((await (await send("GET", "/")).bytes()).length, blocks * block.length);
    ok((taken[0] ?? 0) < blocks, `${taken[0]} of ${blocks} blocks`);
    equal((await slow.bytes()).length, blocks * block.length);
  });
});

function bodyOf(received: string): string {
  return received.slice(received.indexOf("\r\n\r\n") + 4);
}

/** An answer whose body a test sends bit by bit. */
class PushedResponse {
  readonly #through = new TransformStream<Uint8Array, Uint8Array>();
  readonly #writer = this.#through.writable.getWriter();
  readonly answer = new Response(this.#through.readable);

  push(text: string): void {
    this.#writer.write(new TextEncoder().encode(text)).catch(() => {});
  }

  end(): void {
    this.#writer.close().catch(() => {});
  }
}
