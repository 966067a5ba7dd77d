import { equal } from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { RawConnection } from "../../runtime/raw_http.ts";
import { startHostileProxy } from "./hostile_proxy.ts";
import { untilBroken } from "./kit.ts";

/** Runs a test with a proxy before a server that answers these bytes, and then hangs up or resets. */
async function withBytes(
  answer: string,
  end: (socket: Socket) => void,
  test: (origin: string) => Promise<void>,
): Promise<void> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.write(answer.replaceAll("\n", "\r\n"), () => end(socket)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const proxy = await startHostileProxy(`http://127.0.0.1:${port}`);
  try {
    await test(proxy.origin);
  } finally {
    await proxy.close();
    server.close();
    await once(server, "close");
  }
}

const hangUp = (socket: Socket) => void socket.end();
const reset = (socket: Socket) => void socket.resetAndDestroy();
const stay = () => {};

Deno.test("the server breaks off in its answer: so does the proxy", async () => {
  const cases = [
    ["HTTP/1.1 200 OK\ncontent-length: 9\n\nabc", hangUp],
    ["HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n3\nabc\n", hangUp],
    ["HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n9\nabc", hangUp],
    ["HTTP/1.1 200 OK\n\nabc", reset],
  ] as const;
  for (const [answer, end] of cases) {
    await withBytes(answer, end, async (origin) => {
      equal(new TextDecoder().decode(await untilBroken(await fetch(origin))), "abc", answer);
    });
  }
});

Deno.test("the server hangs up without an answer, or answers with what isn't HTTP: 502", async () => {
  for (
    const answer of ["", "HTTP/1.1 200 OK\ncontent-le", "SSH-2.0-x\n\n", "HTTP/1.1 200 OK\n:\n\n"]
  ) {
    await withBytes(answer, hangUp, async (origin) => {
      const got = await fetch(origin);
      equal(got.status, 502, answer);
      await got.text();
    });
  }
});

Deno.test("an answer that ends with its connection is whole", async () => {
  await withBytes("HTTP/1.1 200 OK\n\nabc", hangUp, async (origin) => {
    equal(await (await fetch(origin)).text(), "abc");
  });
});

Deno.test("chunks with extensions and trailers: the body comes through", async () => {
  const answer =
    "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2;x=y\nab\nA\n0123456789\n0\nx: y\n\n";
  await withBytes(answer, stay, async (origin) => {
    equal(await (await fetch(origin)).text(), "ab0123456789");
  });
});

Deno.test("an informational answer is passed over", async () => {
  const answer = "HTTP/1.1 103 Early Hints\nlink: x\n\nHTTP/1.1 200 OK\ncontent-length: 1\n\na";
  await withBytes(answer, stay, async (origin) => {
    const got = await fetch(origin);
    equal(got.status, 200);
    equal(got.headers.get("link"), null);
    equal(await got.text(), "a");
  });
});

Deno.test("a client that sends no HTTP, or half a request, is hung up on and not logged", async () => {
  await using proxy = await startHostileProxy("http://127.0.0.1:9");
  for (
    const text of [
      "EHLO x\n\n",
      "GET http://x/ HTTP/1.1\n\n",
      `GET / HTTP/1.1\nx${"y".repeat(1e5)}`,
    ]
  ) {
    using connection = new RawConnection(proxy.origin);
    connection.send(text);
    equal(await connection.closed(), "");
  }
  equal(proxy.exchanges.length, 0);
});

Deno.test("requests behind each other in one connection are answered in turn", async () => {
  await withBytes("HTTP/1.1 200 OK\ncontent-length: 1\n\na", stay, async (origin) => {
    using connection = new RawConnection(origin);
    const chunked = "POST / HTTP/1.1\ntransfer-encoding: chunked\n\n2\nxy\n0\nx: y\n\n";
    connection.send(`POST / HTTP/1.1\ncontent-length: 2\n\nxy${chunked}GET / HTTP/1.1\n\n`);
    const answer = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na";
    equal(await connection.until(answer.repeat(3)), answer.repeat(3));
  });
});
