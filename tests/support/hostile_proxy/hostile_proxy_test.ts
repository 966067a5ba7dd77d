import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { RawConnection } from "../../runtime/raw_http.ts";
import { originOf, serveLocally, streamed, withProxy } from "./kit.ts";

const done = () => new Response("done", { status: 200, headers: { "x-from": "server" } });

Deno.test("pass: the request arrives as it was sent, and the answer as it was given", async () => {
  let fields: Headers | undefined;
  await withProxy({ kind: "pass" }, (request, body) => {
    fields = request.headers;
    return new Response(`got ${body}`, { status: 201, headers: { "stream-next-offset": "7" } });
  }, async ({ proxy, seen, send }) => {
    const headers = { "content-type": "text/plain", "producer-id": "p" };
    const answer = await send("POST", "/a%2Fb/c?x=1&y=%20", { body: "grüße", headers });
    equal(await answer.text(), "got grüße");
    equal(answer.status, 201);
    equal(answer.headers.get("stream-next-offset"), "7");
    deepEqual(seen, ["POST /a%2Fb/c?x=1&y=%20 grüße"]);
    equal(fields?.get("producer-id"), "p");
    equal(fields?.get("accept-encoding"), null);
    equal(fields?.get("host"), new URL(proxy.upstream).host);

    const exchange = proxy.exchanges[0];
    equal(exchange?.path, "/a%2Fb/c");
    equal(exchange.query.get("y"), " ");
    deepEqual(exchange.fault, { kind: "pass" });
    equal(exchange.forwards, 1);
    deepEqual(exchange.serverStatuses, [201]);
    equal(exchange.sentStatus, 201);
    equal(exchange.sentBytes, "got grüße".length + 2);
    equal(exchange.outcome, "answered");
  });
});

Deno.test("a request in chunks arrives whole", async () => {
  await withProxy({ kind: "pass" }, done, async ({ seen, send }) => {
    const body = ReadableStream.from(["one ", "two ", "three"]).pipeThrough(
      new TextEncoderStream(),
    );
    await (await send("POST", "/a", { body })).text();
    deepEqual(seen, ["POST /a one two three"]);
  });
});

Deno.test("answers without a body: the connection goes on to the next request", async () => {
  await withProxy({ kind: "pass" }, (request) => {
    if (request.method === "HEAD") return new Response("four");
    return new Response(null, { status: request.method === "POST" ? 204 : 304 });
  }, async ({ proxy }) => {
    using connection = new RawConnection(proxy.origin);
    connection.send("HEAD / HTTP/1.1\nhost: a\n\n");
    match(await connection.until("\r\n\r\n"), /^HTTP\/1\.1 200 OK\r\n.*content-length: 4\r\n/s);
    connection.send("POST / HTTP/1.1\nhost: a\ncontent-length: 2\n\nab");
    await connection.until("HTTP/1.1 204 No Content");
    connection.send("GET / HTTP/1.1\nhost: a\n\n");
    await connection.until("HTTP/1.1 304 Not Modified");
    deepEqual(proxy.exchanges.map(({ sentBytes }) => sentBytes), [0, 0, 0]);
  });
});

Deno.test("refuse: the connection is reset, and the server hears nothing", async () => {
  await withProxy({ kind: "refuse" }, done, async ({ proxy, seen, send }) => {
    await rejects(send("POST", "/a", { body: "x" }), TypeError);
    deepEqual(seen, []);
    const exchange = proxy.exchanges[0];
    equal(exchange?.forwards, 0);
    equal(exchange.outcome, "reset");
  });
});

Deno.test("drop-answer: the server has done it when the connection is reset", async () => {
  await withProxy({ kind: "drop-answer" }, done, async ({ proxy, seen, send }) => {
    await rejects(send("POST", "/a", { body: "x" }), TypeError);
    deepEqual(seen, ["POST /a x"]);
    const exchange = proxy.exchanges[0];
    deepEqual(exchange?.serverStatuses, [200]);
    equal(exchange.sentStatus, undefined);
    equal(exchange.outcome, "reset");
  });
});

for (
  const [fault, got] of [
    [{ kind: "refuse" }, ""],
    [{ kind: "drop-answer" }, ""],
    [{ kind: "cut-body", afterBytes: 2 }, "do"],
  ] as const
) {
  Deno.test(`${fault.kind}: the connection isn't closed but reset`, async () => {
    await withProxy(fault, done, async ({ proxy }) => {
      const socket = connect(Number(new URL(proxy.origin).port), "127.0.0.1");
      let received = "";
      socket.on("data", (bytes) => received += bytes);
      socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      await rejects(once(socket, "end"), /ECONNRESET/);
      equal(received.split("\r\n\r\n")[1] ?? "", got);
    });
  });
}

Deno.test("drop-answer of an event stream: its head is enough", async () => {
  const cancelled = Promise.withResolvers<void>();
  const endless = () => streamed(["data: 1\n\n"], { onCancel: cancelled.resolve });
  await withProxy({ kind: "drop-answer" }, endless, async ({ send }) => {
    await rejects(send("GET", "/a"), TypeError);
    await cancelled.promise;
  });
});

Deno.test("status: the proxy answers, and the server hears nothing", async () => {
  const headers = { "retry-after": "3" };
  const fault = { kind: "status", status: 503, headers, body: "busy" } as const;
  await withProxy(fault, done, async ({ seen, send }) => {
    const answer = await send("PUT", "/a");
    equal(answer.status, 503);
    equal(answer.headers.get("retry-after"), "3");
    equal(await answer.text(), "busy");
    equal((await send("HEAD", "/a")).status, 503);
    deepEqual(seen, []);
  });
});

Deno.test("status-after: the server has done it, and the gateway's time-out is the answer", async () => {
  await withProxy({ kind: "status-after", status: 504 }, done, async ({ proxy, seen, send }) => {
    const answer = await send("POST", "/a", { body: "x" });
    equal(answer.status, 504);
    equal(answer.headers.get("x-from"), null);
    equal(await answer.text(), "");
    deepEqual(seen, ["POST /a x"]);
    deepEqual(proxy.exchanges[0]?.serverStatuses, [200]);
  });
});

for (const [answer, said] of [["first", "0"], ["second", "1"], [undefined, "1"]] as const) {
  Deno.test(`duplicate, ${answer ?? "by default"}: done twice, answered with the ${said === "0" ? "first" : "second"}`, async () => {
    let times = 0;
    const fault = { kind: "duplicate", ...answer && { answer } } as const;
    await withProxy(fault, () => new Response(String(times++)), async ({ proxy, seen, send }) => {
      equal(await (await send("POST", "/a", { body: "x" })).text(), said);
      deepEqual(seen, ["POST /a x", "POST /a x"]);
      equal(proxy.exchanges[0]?.forwards, 2);
    });
  });
}

for (const isForwarded of [false, true]) {
  Deno.test(`hang, ${isForwarded ? "forwarded" : "not forwarded"}: nothing comes until the proxy closes`, async () => {
    await withProxy({ kind: "hang", isForwarded }, done, async ({ proxy, seen, send }) => {
      const answer = rejects(send("POST", "/a", { body: "x" }), TypeError);
      await proxy.until(({ serverStatuses, fault }) =>
        isForwarded ? serverStatuses.length === 1 : fault !== undefined
      );
      equal(proxy.exchanges[0]?.outcome, undefined);
      await proxy.close();
      await answer;
      deepEqual(seen, isForwarded ? ["POST /a x"] : []);
      equal(proxy.exchanges[0]?.outcome, "left");
    });
  });
}

Deno.test("close: answers that go on are ended on both sides", async () => {
  const cancelled = Promise.withResolvers<void>();
  const endless = () => streamed(["data: 1\n\n"], { onCancel: cancelled.resolve });
  await withProxy({ kind: "pass" }, endless, async ({ proxy, send }) => {
    const answer = await send("GET", "/a");
    const reader = answer.body?.getReader();
    equal(new TextDecoder().decode((await reader?.read())?.value), "data: 1\n\n");
    await proxy.close();
    await rejects(async () => await reader?.read(), TypeError);
    await cancelled.promise;
    await rejects(proxy.until(() => false), /was closed/);
  });
});

Deno.test("the client leaves: a GET is given up, and the server sees it", async () => {
  const cancelled = Promise.withResolvers<void>();
  const endless = () => streamed(["data: 1\n\n"], { onCancel: cancelled.resolve });
  await withProxy({ kind: "pass" }, endless, async ({ proxy, send }) => {
    const answer = await send("GET", "/a");
    await answer.body?.cancel();
    await cancelled.promise;
    equal((await proxy.until(({ outcome }) => outcome !== undefined)).outcome, "left");
  });
});

Deno.test("the client leaves: a POST that was on its way arrives nevertheless", async () => {
  const decision = Promise.withResolvers<{ kind: "pass" }>();
  const decide = () => decision.promise;
  await withProxy({ decide }, done, async ({ proxy, seen }) => {
    {
      using connection = new RawConnection(proxy.origin);
      connection.send("POST /a HTTP/1.1\nhost: a\ncontent-length: 4\n\nlate");
      await proxy.until(({ method }) => method === "POST");
    }
    decision.resolve({ kind: "pass" });
    const exchange = await proxy.until(({ outcome }) => outcome !== undefined);
    deepEqual(seen, ["POST /a late"]);
    deepEqual(exchange.serverStatuses, [200]);
  });
});

Deno.test("the server isn't there: 502; it comes up elsewhere: requests go on there", async () => {
  const gone = serveLocally(done);
  await gone.shutdown();
  await withProxy({ kind: "pass" }, done, async ({ proxy, send }) => {
    const there = proxy.upstream;
    proxy.upstream = originOf(gone);
    const answer = await send("POST", "/a", { body: "x" });
    equal(answer.status, 502);
    await answer.text();
    equal(proxy.exchanges[0]?.forwards, 0);
    proxy.upstream = there;
    equal(await (await send("POST", "/a", { body: "x" })).text(), "done");
  });
});

Deno.test("decide throws: the connection is reset, and close says why", async () => {
  await rejects(
    withProxy(
      {
        decide: () => {
          throw new Error("no idea");
        },
      },
      done,
      async ({ send }) => await rejects(send("GET", "/a"), TypeError),
    ),
    /no idea/,
  );
});

Deno.test("decide is told which request of its method and path it is", async () => {
  const told: string[] = [];
  await withProxy(
    {
      decide: ({ index, method, path, pathIndex }) => {
        told.push(`${index} ${method} ${path} ${pathIndex}`);
        return { kind: "status", status: 204 };
      },
    },
    done,
    async ({ send }) => {
      for (const target of ["/a?x", "/b", "/a?y"]) await send("GET", target);
      await send("HEAD", "/a");
      deepEqual(told, ["0 GET /a 0", "1 GET /b 0", "2 GET /a 1", "3 HEAD /a 0"]);
    },
  );
});
