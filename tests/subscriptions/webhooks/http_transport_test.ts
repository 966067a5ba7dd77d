import { Buffer } from "node:buffer";
import { equal, ok } from "node:assert/strict";
import type { Socket } from "node:net";
import { type Bytes, decodeUtf8, encodeUtf8 } from "../../../src/protocol/bytes.ts";
import {
  HttpTransport,
  type HttpTransportOptions,
  type ResolvedAddress,
} from "../../../src/subscriptions/webhooks/http_transport.ts";
import {
  checkWebhookUrl,
  connectionProblem,
} from "../../../src/subscriptions/webhooks/target_url.ts";
import {
  type DeliveryFailure,
  WebhookDeliveryError,
} from "../../../src/subscriptions/webhooks/transport.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { until } from "../../support/until.ts";
import { CA } from "./certificate.ts";
import { httpReceiver, httpsReceiver, rawReceiver, type Receiver } from "./receivers.ts";
import { FORBIDDEN_ADDRESSES, HOSTILE } from "./url_table.ts";

const BODY = encodeUtf8('{"wake_id":"w_1"}');
const LIMIT_MS = 20_000;
const LOOPBACK: readonly ResolvedAddress[] = [{ address: "127.0.0.1", family: 4 }];

/** A transport that resolves every name to loopback, unless it is told otherwise. */
class Kit implements Disposable {
  readonly resolved: string[] = [];
  readonly transport: HttpTransport;

  constructor(options: Partial<HttpTransportOptions> = {}) {
    this.transport = new HttpTransport({
      allowLoopback: true,
      ...options,
      resolve: (host) => {
        this.resolved.push(host);
        return options.resolve?.(host) ?? Promise.resolve(LOOPBACK);
      },
    });
  }

  send(url: string, signal = AbortSignal.timeout(LIMIT_MS), body: Bytes = BODY) {
    const headers = { "content-type": "application/json", "webhook-signature": "t=1" };
    return this.transport.send({ url, headers, body, signal });
  }

  /** The delivery fails for this reason, with a message that has nothing of the URL in it. */
  async fails(
    url: string,
    reason: DeliveryFailure,
    message = /./,
    signal?: AbortSignal,
  ): Promise<void> {
    const result = await this.send(url, signal).catch((error: unknown) => error);
    ok(result instanceof WebhookDeliveryError, `${url}: ${JSON.stringify(result)} ${result}`);
    equal(result.reason, reason, `${url}: ${result.message}`);
    ok(message.test(result.message), `${url}: ${result.message} doesn't match ${message}`);
    ok(!/s3cret|localhost|https?:/.test(result.message), result.message);
  }

  [Symbol.dispose](): void {
    this.transport.close();
  }
}

/** A signal that counts who listens to it. */
class CountedSignal {
  readonly signal = new AbortController().signal;
  listeners = 0;

  constructor() {
    const { signal } = this;
    const [add, remove] = [signal.addEventListener, signal.removeEventListener];
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      this.listeners++;
      add.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      this.listeners--;
      remove.apply(signal, args);
    };
  }
}

/** Waits until so many connections to the receiver are open. */
function openConnections({ connections }: Receiver, count: number): Promise<void> {
  return until(() => connections.open === count, () => `${connections.open} are open`);
}

Deno.test("a delivery is a POST with its headers and exact bytes, and its answer comes whole", async () => {
  const seen: string[] = [];
  await using receiver = await httpReceiver((request, response) => {
    const { method, url, headers } = request;
    request.on("data", (chunk) => seen.push(Buffer.from(chunk).toString()));
    request.on("end", () => {
      seen.push(`${method} ${url}`, headers["content-type"] ?? "", headers.host ?? "");
      seen.push(headers["content-length"] ?? "", String(headers["webhook-signature"]));
      response.writeHead(202);
      response.write('{"do');
      response.end('ne":true}');
    });
  });
  using kit = new Kit();
  const { status, body } = await kit.send(`http://127.0.0.1:${receiver.port}/hook?a=1`);
  equal(status, 202);
  equal(decodeUtf8(body), '{"done":true}');
  equal(
    seen.join("|"),
    `${decodeUtf8(BODY)}|POST /hook?a=1|application/json|127.0.0.1:${receiver.port}|17|t=1`,
  );
  equal(kit.resolved.length, 0, "an address isn't resolved");
});

Deno.test("an answer of any status without a body is an answer", async () => {
  await using receiver = await httpReceiver((request, response) => {
    request.resume();
    response.writeHead(Number(request.url?.slice(1))).end();
  });
  using kit = new Kit();
  for (const status of [200, 204, 304, 404, 500, 503]) {
    const response = await kit.send(`http://127.0.0.1:${receiver.port}/${status}`);
    equal(response.status, status);
    equal(response.body.length, 0);
  }
});

Deno.test("a redirect is an answer, and isn't followed", async () => {
  await using other = await httpReceiver((_, response) => void response.end());
  await using receiver = await httpReceiver((request, response) => {
    const location = `http://127.0.0.1:${other.port}/`;
    response.writeHead(Number(request.url?.slice(1)), { location }).end("moved");
  });
  using kit = new Kit();
  for (const status of [301, 302, 303, 307, 308]) {
    equal((await kit.send(`http://127.0.0.1:${receiver.port}/${status}`)).status, status);
  }
  equal(other.connections.total, 0);
});

Deno.test("deliveries to one host share a connection", async () => {
  await using receiver = await httpReceiver((_, response) => void response.end("ok"));
  using kit = new Kit();
  for (let i = 0; i < 5; i++) await kit.send(`http://localhost:${receiver.port}/${i}`);
  equal(receiver.connections.total, 1);
  equal(kit.resolved.length, 1, "a name is resolved for each connection");
});

Deno.test("connections to one host are bounded, and deliveries wait for one", async () => {
  let open = 0;
  let most = 0;
  await using receiver = await httpReceiver((_, response) => {
    most = Math.max(most, ++open);
    setTimeout(() => {
      open--;
      response.end("ok");
    }, 5);
  });
  using kit = new Kit({ socketsPerHost: 3 });
  const url = `http://127.0.0.1:${receiver.port}/`;
  const responses = await Promise.all(Array.from({ length: 12 }, () => kit.send(url)));
  ok(responses.every(({ status }) => status === 200));
  ok(most <= 3 && receiver.connections.total <= 3, `${most} at once`);
});

Deno.test("a delivery that waits for a connection is ended by its signal, and never sent", async () => {
  const seen: string[] = [];
  const first = Promise.withResolvers<void>();
  await using receiver = await httpReceiver((request, response) => {
    seen.push(request.url ?? "");
    first.promise.then(() => response.end("ok"));
  });
  using kit = new Kit({ socketsPerHost: 1 });
  const url = `http://127.0.0.1:${receiver.port}`;
  const answered = kit.send(`${url}/first`);
  await openConnections(receiver, 1);
  const ending = new AbortController();
  const waiting = kit.fails(`${url}/second`, "aborted", /no whole answer/, ending.signal);
  ending.abort();
  await waiting;
  first.resolve();
  equal((await answered).status, 200);
  equal((await kit.send(`${url}/third`)).status, 200);
  equal(seen.join(), "/first,/third");
});

Deno.test("a connection without deliveries is closed after its time", async () => {
  await using receiver = await httpReceiver((_, response) => void response.end("ok"));
  using kit = new Kit({ idleTimeoutMs: 50 });
  await kit.send(`http://127.0.0.1:${receiver.port}/`);
  await openConnections(receiver, 0);
});

Deno.test("an idle connection that the receiver closed costs no delivery", async () => {
  const used = new Set<Socket>();
  await using receiver = await rawReceiver((socket, received) => {
    if (!received.includes("w_1")) return;
    // It gave no notice: the next delivery is on its way when the connection is closed.
    if (used.has(socket)) socket.resetAndDestroy();
    else socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    used.add(socket);
  });
  using kit = new Kit();
  const url = `http://localhost:${receiver.port}/`;
  equal((await kit.send(url)).status, 200);
  equal((await kit.send(url)).status, 200);
  equal(receiver.connections.total, 2);
  equal(kit.resolved.length, 2, "the address of the second connection was checked too");
});

Deno.test("a connection that is closed in the middle of an answer fails the delivery, also a used one", async () => {
  const used = new Set<Socket>();
  await using receiver = await rawReceiver((socket, received) => {
    if (!received.includes("w_1")) return;
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no");
    if (used.has(socket)) socket.end();
    else socket.write("k");
    used.add(socket);
  });
  using kit = new Kit();
  const url = `http://127.0.0.1:${receiver.port}/`;
  equal((await kit.send(url)).status, 200);
  await kit.fails(url, "network", /closed before the whole answer/);
  equal(receiver.connections.total, 1);
});

Deno.test("nothing of a delivery stays with its signal", async () => {
  await using receiver = await httpReceiver((_, response) => void response.end("ok"));
  using kit = new Kit();
  const signal = new CountedSignal();
  await kit.send(`http://127.0.0.1:${receiver.port}/`, signal.signal);
  await until(() => signal.listeners === 0, () => `${signal.listeners} listeners`);
});

Deno.test("a hanging answer is ended by its signal, and its connection with it", async () => {
  await using receiver = await httpReceiver(() => {});
  using kit = new Kit();
  const ending = new AbortController();
  const url = `http://127.0.0.1:${receiver.port}/`;
  const failed = kit.fails(url, "aborted", /no whole answer in time/, ending.signal);
  await openConnections(receiver, 1);
  ending.abort();
  await failed;
  await openConnections(receiver, 0);
  await kit.fails(url, "aborted", /./, AbortSignal.abort());
  equal(receiver.connections.total, 1);
});

for (
  const [what, head, drop] of [
    ["body", "HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n", "x"],
    ["headers", "HTTP/1.1 200 OK\r\n", "a"],
    ["interim answers", "", "HTTP/1.1 102 Processing\r\n\r\n"],
  ] as const
) {
  Deno.test(`an answer whose ${what} drip is ended by its signal`, async () => {
    let drops = 0;
    await using receiver = await rawReceiver((socket) => {
      socket.write(head);
      const timer = setInterval(() => {
        drops++;
        socket.write(drop);
      }, 2);
      socket.on("close", () => clearInterval(timer));
    });
    using kit = new Kit();
    const ending = new AbortController();
    const url = `http://127.0.0.1:${receiver.port}/`;
    const failed = kit.fails(url, "aborted", /./, ending.signal);
    await until(() => drops >= 5, () => `${drops} drops`);
    ending.abort();
    await failed;
    await openConnections(receiver, 0);
  });
}

Deno.test("an answer of 64 KiB is read, and a longer one ends its connection", async () => {
  await using receiver = await httpReceiver((request, response) => {
    response.on("error", () => {});
    if (request.url === "/endless") {
      const pour = () => {
        while (!response.destroyed && response.write("x".repeat(10_000)));
      };
      response.on("drain", pour);
      pour();
    } else {
      response.end("x".repeat(Number(request.url?.slice(1))));
    }
  });
  using kit = new Kit();
  const url = `http://127.0.0.1:${receiver.port}`;
  equal((await kit.send(`${url}/65536`)).body.length, 65_536);
  await kit.fails(`${url}/65537`, "response_too_large", /longer than 65536 bytes/);
  await kit.fails(`${url}/endless`, "response_too_large");
  await openConnections(receiver, 0);
  equal((await kit.send(`${url}/5`)).body.length, 5);
});

Deno.test("an answer isn't decoded", async () => {
  await using receiver = await httpReceiver((_, response) => {
    response.writeHead(200, { "content-encoding": "gzip" }).end(new Uint8Array([0x1f, 0x8b, 1]));
  });
  using kit = new Kit();
  equal((await kit.send(`http://127.0.0.1:${receiver.port}/`)).body.join(), "31,139,1");
});

const MALFORMED: readonly (readonly [what: string, answer: string, message: RegExp])[] = [
  ["too many headers", `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(20_000)}\r\n`, /headers are longer/],
  ["a long header", `HTTP/1.1 200 OK\r\na: ${"b".repeat(99_999)}\r\n\r\n`, /headers are longer/],
  ["no HTTP", "SSH-2.0-OpenSSH_9.6\r\n", /^HPE_\w+$/],
  [
    "another protocol",
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
    /./,
  ],
  ["half a body", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", /closed before the whole/],
  ["half a chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", /closed before/],
  ["nothing", "", /closed before the whole answer/],
];

for (const [what, answer, message] of MALFORMED) {
  Deno.test(`a receiver that answers with ${what} fails the delivery`, async () => {
    await using receiver = await rawReceiver((socket) => socket.end(answer));
    using kit = new Kit();
    await kit.fails(`http://127.0.0.1:${receiver.port}/?s3cret`, "network", message);
    await openConnections(receiver, 0);
  });
}

Deno.test("a receiver that resets the connection, or isn't there, fails the delivery", async () => {
  using kit = new Kit();
  let port = 0;
  {
    await using receiver = await rawReceiver((socket) => socket.resetAndDestroy());
    port = receiver.port;
    await kit.fails(`http://127.0.0.1:${port}/`, "network", /closed before the whole answer/);
    equal(receiver.connections.total, 1, "a first answer on a connection isn't asked for again");
  }
  await kit.fails(`http://127.0.0.1:${port}/`, "network", /connection refused/);
});

Deno.test("connecting is bounded: a resolver that hangs", async () => {
  const clock = new ManualClock();
  using kit = new Kit({ clock, connectTimeoutMs: 5000, resolve: () => new Promise(() => {}) });
  const failed = kit.fails(
    "http://localhost:1/",
    "connect_timeout",
    /not connected within 5000 ms/,
  );
  await until(() => clock.pendingTimers === 1, () => "no timer");
  clock.advance(4999);
  equal(clock.pendingTimers, 1);
  clock.advance(1);
  await failed;
});

Deno.test("connecting is bounded: TLS that never answers", async () => {
  const clock = new ManualClock();
  await using receiver = await rawReceiver(() => {});
  using kit = new Kit({ clock });
  const url = `https://localhost:${receiver.port}/`;
  const failed = kit.fails(url, "connect_timeout");
  await openConnections(receiver, 1);
  clock.advance(5000);
  await failed;
  await openConnections(receiver, 0);
});

Deno.test("the time to connect doesn't run on once there is a connection", async () => {
  const clock = new ManualClock();
  const late = Promise.withResolvers<void>();
  await using receiver = await httpReceiver((_, response) => {
    late.promise.then(() => response.end("late"));
  });
  using kit = new Kit({ clock });
  const sent = kit.send(`http://localhost:${receiver.port}/`);
  await openConnections(receiver, 1);
  await until(() => clock.pendingTimers === 0, () => "the timer runs");
  clock.advance(60_000);
  late.resolve();
  equal((await sent).status, 200);
});

Deno.test("a hostile URL is rejected before anything is resolved or connected", async () => {
  await using receiver = await httpReceiver((_, response) => void response.end("reached"));
  using kit = new Kit();
  for (const [url] of HOSTILE) await kit.fails(url, "rejected_url", /the URL isn't accepted/);
  for (
    const host of [
      "127.1.2.3",
      "[::1]",
      "[::ffff:127.0.0.1]",
      "0.0.0.0",
      "a.localhost",
    ]
  ) {
    await kit.fails(`https://${host}:${receiver.port}/`, "rejected_url");
  }
  using production = new Kit({ allowLoopback: false });
  for (const host of ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001"]) {
    await production.fails(`http://${host}:${receiver.port}/`, "rejected_url");
    await production.fails(`https://${host}:${receiver.port}/`, "rejected_url");
  }
  equal(kit.resolved.length + production.resolved.length, 0);
  equal(receiver.connections.total, 0);
});

Deno.test("a name that resolves to a forbidden address is never connected to", async () => {
  await using receiver = await httpReceiver((_, response) => void response.end("reached"));
  for (const address of FORBIDDEN_ADDRESSES) {
    const family = address.includes(":") ? 6 : 4;
    const forbidden = { address, family };
    for (const addresses of [[forbidden], [{ address: "8.8.8.8", family: 4 }, forbidden]]) {
      using kit = new Kit({ resolve: () => Promise.resolve(addresses) });
      await kit.fails(
        `https://worker.example:${receiver.port}/`,
        "rejected_address",
        /resolves to/,
      );
    }
  }
  equal(receiver.connections.total, 0);
});

Deno.test("a name that resolves elsewhere between check and connection is caught", async () => {
  await using receiver = await httpReceiver((_, response) => void response.end("reached"));
  const answers = ["8.8.8.8", "127.0.0.1"];
  const resolve = () => Promise.resolve([{ address: answers.shift() ?? "127.0.0.1", family: 4 }]);
  using kit = new Kit({ resolve });
  const url = `https://rebind.example:${receiver.port}/`;
  const target = checkWebhookUrl(url, { allowLoopback: true });
  const [checked] = await resolve();
  equal(connectionProblem(target, checked?.address ?? ""), undefined);
  await kit.fails(url, "rejected_address", /resolves to a loopback address: 127\.0\.0\.1/);
  equal(receiver.connections.total, 0);
});

Deno.test("localhost that resolves to another machine isn't connected to", async () => {
  for (const address of ["8.8.8.8", "10.0.0.1", "169.254.169.254"]) {
    using kit = new Kit({ resolve: () => Promise.resolve([{ address, family: 4 }]) });
    await kit.fails("http://localhost:1/", "rejected_address", /another machine's address/);
  }
});

Deno.test("the address that was checked is the one that is connected to", async () => {
  await using receiver = await httpReceiver(
    (_, response) => void response.end("here"),
    "127.0.0.9",
  );
  using kit = new Kit({ resolve: () => Promise.resolve([{ address: "127.0.0.9", family: 4 }]) });
  equal(decodeUtf8((await kit.send(`http://localhost:${receiver.port}/`)).body), "here");
});

Deno.test("a name without an address, or a resolver that fails, fails the delivery", async () => {
  using none = new Kit({ resolve: () => Promise.resolve([]) });
  await none.fails("https://worker.example/", "network", /the name has no address/);
  const error = Object.assign(new Error("getaddrinfo ENOTFOUND x"), { code: "ENOTFOUND" });
  using failing = new Kit({ resolve: () => Promise.reject(error) });
  await failing.fails("https://worker.example/", "network", /the name doesn't resolve/);
});

Deno.test("by https the receiver's certificate has to be right for its name", async () => {
  await using receiver = await httpsReceiver((_, response) => void response.end("secret"));
  using trusting = new Kit({ ca: CA });
  const { port } = receiver;
  equal(decodeUtf8((await trusting.send(`https://localhost:${port}/`)).body), "secret");
  equal(decodeUtf8((await trusting.send(`https://localhost:${port}/`)).body), "secret");
  equal(receiver.connections.total, 1);
  await trusting.fails(`https://127.0.0.1:${port}/`, "network");
  using wary = new Kit();
  await wary.fails(`https://localhost:${port}/`, "network");
});
