import { deepEqual, equal, match, ok } from "node:assert/strict";
import { AUDIENCE, makeJwt, makeKey, type TestKey } from "../access/access_kit.ts";
import { RawConnection } from "../runtime/raw_http.ts";
import { AUTHORITY } from "../support/certificates.ts";
import { GuardedClient, makeGuard } from "../support/guard.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { until } from "../support/until.ts";
import { type AttackedServer, type Preparation, underAttack } from "./attacked_server.ts";
import { TlsConnection } from "./tls_connection.ts";

/** A server that speaks TLS and asks for a token, attacked by those that have none, and by one that has. */

const TEXT = { "content-type": "text/plain" };
const IDLE = 200;
const SLOW = 30;
const READERS = 8;
const SENT_MIB = 48;
const MIB = 1024 * 1024;
const ALGORITHMS = ["ES256", "RS256"];
/** Up to where further headers follow. */
const REQUEST = "GET /v1/stream/watched HTTP/1.1\nHost: localhost\n";
/** As long as a token may be, with `Bearer` before it. */
const LONGEST_TOKEN = 8 * 1024;

/** The server's keys, and those of somebody else who calls them the same. */
const issuers = { good: keys(), other: keys() };

function keys(): Promise<TestKey[]> {
  return Promise.all(ALGORITHMS.map((alg) => makeKey(alg)));
}

async function prepare(command: readonly string[], dir: string): Promise<Preparation> {
  const guard = await makeGuard(command, dir);
  const keyFile = `${dir}/keys.json`;
  const jwks = (await issuers.good).map(({ jwk }) => jwk);
  await Deno.writeTextFile(keyFile, JSON.stringify({ keys: jwks }));
  const client = new GuardedClient({ token: guard.token });
  return {
    flags: [...guard.flags, "--jwt-key", keyFile, "--jwt-audience", AUDIENCE],
    fetch: client.fetch,
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}

underAttack(
  "over TLS, who is slow or silent, talks nonsense or makes up tokens costs others nothing",
  // Each made-up token is to be verified, and good ones of the same address later.
  ["--body-timeout", "2s", "--max-open-files", "16", "--client-failed-tokens", "none"],
  async (server) => {
    using open = new DisposableStack();
    const url = `${server.url}/watched`;
    equal((await server.fetch(url, { method: "PUT", headers: TEXT })).status, 201);
    const { rssMib } = server.figures();
    const startedMs = performance.now();
    const handshakes = await beginHandshakes(server, open);
    const idle = await openMany(IDLE + SLOW, url, open);
    console.log(
      `${
        Math.round((server.figures().rssMib - rssMib) * 1024 / (IDLE + SLOW))
      } KiB for each that is idle`,
    );
    const bodies = await beginSlowBodies(server, open);
    const heads = idle.splice(0, SLOW);
    for (const connection of heads) {
      connection.send(`${REQUEST}X: `);
    }
    await refuseLongTokens(server, open);
    await refuseMadeUp(server, idle);
    for (const connection of heads) connection.send("still in its head");
    await ignoreReaders(server, open);
    for (const connection of heads) connection.send("\n\n");
    for (const connection of heads) equal((await connection.answer()).status, 401);
    for (const connection of bodies) equal((await connection.answer()).status, 408);
    equal(await (await server.fetch(`${server.url}/slow`)).text(), "", "nothing of them is stored");
    await until(() => handshakes.every(({ isOver }) => isOver), () => "handshakes end");
    console.log(`handshakes are over after ${Math.round(performance.now() - startedMs)} ms`);
    for (const { said } of handshakes) ok(!said().includes("HTTP/1.1"), said());
    const [silent] = idle;
    silent?.send(`${REQUEST}Authorization: Bearer ${await goodJwt()}\n\n`);
    equal((await silent?.answer())?.status, 200, "one that was idle, with a good token");
  },
  { on: ["deno", "bun"], prepare, spareMib: 320 },
);

interface Handshake {
  isOver: boolean;
  said(): string;
}

/** Connections that will never agree on TLS: silent, in the middle of their first message, nonsense. */
async function beginHandshakes(
  { origin }: AttackedServer,
  open: DisposableStack,
): Promise<Handshake[]> {
  const firsts = [
    "",
    // A first message of 512 bytes, of which 6 come.
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    `${REQUEST}\n`,
    "\x00".repeat(5000),
    "\x17\x03\x03\xff\xff".repeat(1000),
    "\x15\x03\x01\x00\x02\x02\x28",
    "PRI * HTTP/2.0\n\nSM\n\n",
  ];
  const begun: Handshake[] = [];
  for (let i = 0; i < 10; i++) {
    for (const first of firsts) {
      const connection = open.use(new RawConnection(origin));
      await connection.connected;
      if (first !== "") connection.send(first);
      const handshake = { isOver: false, said: () => connection.received };
      void connection.closed().then(() => handshake.isOver = true);
      begun.push(handshake);
    }
  }
  return begun;
}

/** Bodies that stop, or come a byte at a time. */
async function beginSlowBodies(
  server: AttackedServer,
  open: DisposableStack,
): Promise<TlsConnection[]> {
  const url = `${server.url}/slow`;
  equal((await server.fetch(url, { method: "PUT", headers: TEXT })).status, 201);
  const authorization = `Bearer ${await goodJwt()}`;
  const slow = await openMany(SLOW, url, open);
  for (const connection of slow) {
    connection.send(
      `POST /v1/stream/slow HTTP/1.1\nHost: localhost\nContent-Type: text/plain\n` +
        `Authorization: ${authorization}\nContent-Length: 1000\n\nabc`,
    );
  }
  const dripping = setInterval(() => {
    for (const connection of slow.slice(SLOW / 2)) connection.send("x");
  }, 100);
  open.defer(() => clearInterval(dripping));
  return slow;
}

function openMany(count: number, url: string, open: DisposableStack): Promise<TlsConnection[]> {
  return Promise.all(
    Array.from({ length: count }, async () => open.use(await TlsConnection.open(url))),
  );
}

async function goodJwt(): Promise<string> {
  const [key] = await issuers.good;
  ok(key);
  // The program has the machine's clock.
  return await makeJwt(new ManualClock(Date.now()), key, { claims: { ds: ["read,append **"] } });
}

/** Tokens longer than any, heads longer than any, and several tokens at once. */
async function refuseLongTokens(server: AttackedServer, open: DisposableStack): Promise<void> {
  const jwt = await goodJwt();
  const cases: [string, number, RegExp][] = [
    [`Authorization: Bearer ${jwt}\n`, 200, /^/],
    [`Authorization: Bearer ${"a".repeat(LONGEST_TOKEN)}\n`, 401, /more than 8192 characters/],
    [`Authorization: Bearer ds_${"a".repeat(LONGEST_TOKEN)}\n`, 401, /more than 8192 characters/],
    [`Authorization: ${"a.".repeat(LONGEST_TOKEN / 2 + 1)}\n`, 401, /more than 8192 characters/],
    [`Authorization: Bearer ${"a".repeat(MIB)}`, 431, /longer than 16384 bytes/],
    [`Authorization: Bearer ${jwt}\nAuthorization: Bearer ${jwt}x\n`, 401, /"token_invalid"/],
    [`Cookie: ds-session=${"a".repeat(LONGEST_TOKEN)}\n`, 401, /more than 8192 characters/],
  ];
  for (let round = 0; round < 5; round++) {
    for (const [header, status, said] of cases) {
      const connection = open.use(await TlsConnection.open(server.url));
      connection.send(`${REQUEST}${header}\n`);
      const answer = await connection.answer();
      equal(answer.status, status, `${header.slice(0, 50)}: ${answer.text}`);
      match(answer.text, said);
    }
  }
}

/** As many JWTs as there are connections, all at once: by keys that only bear the names of the server's. */
async function refuseMadeUp(
  server: AttackedServer,
  connections: readonly TlsConnection[],
): Promise<void> {
  const others = await issuers.other;
  const clock = new ManualClock(Date.now());
  const jwts = await Promise.all(connections.map(async (_, i) => {
    const key = others[i % others.length];
    ok(key);
    const header = i % 4 === 0 ? { kid: `unknown ${i}` } : {};
    return await makeJwt(clock, key, { claims: { sub: `${i}`, ds: ["read **"] }, header });
  }));
  const startedMs = server.figures().cpuMs;
  for (const [i, connection] of connections.entries()) {
    connection.send(
      `${REQUEST}Authorization: Bearer ${jwts[i]}\n\n`,
    );
  }
  const answers = await Promise.all(connections.map((connection) => connection.answer()));
  deepEqual(new Set(answers.map(({ status }) => status)), new Set([401]));
  ok(answers.every(({ text }) => text.includes('"token_invalid"')));
  console.log(`${connections.length} made-up JWTs: ${server.figures().cpuMs - startedMs} ms`);
}

/**
 * Readers with a good token who never read: what is for them waits in the storage. Each has a stream of its
 * own, since of one for all they would share what is kept for them.
 */
async function ignoreReaders(server: AttackedServer, open: DisposableStack): Promise<void> {
  const { hostname, port } = new URL(server.url);
  const authorization = `Bearer ${await goodJwt()}`;
  const names = Array.from({ length: READERS }, (_, i) => `unread/${i}`);
  const send = async (method: string, name: string, status: number, body: string) => {
    const init = { method, headers: TEXT, body };
    const answer = await server.fetch(`${server.url}/${name}`, init);
    equal(answer.status, status);
  };
  const live = async () => (await server.health()).readers.live;
  const before = await live();
  for (const name of names) {
    await send("PUT", name, 201, "");
    // A paused one of node:tls reads on.
    const options = { hostname, port: Number(port), caCerts: [AUTHORITY] };
    const connection = open.adopt(await Deno.connectTls(options), (each) => each.close());
    const head = `GET /v1/stream/${name}?offset=now&live=sse HTTP/1.1\r\nHost: localhost\r\n` +
      `Authorization: ${authorization}\r\n\r\n`;
    await connection.write(new TextEncoder().encode(head));
  }
  await until(async () => await live() >= before + READERS, () => "all of them wait");
  const { rssMib } = server.figures();
  const body = "x".repeat(MIB);
  for (let i = 0; i < SENT_MIB; i++) {
    await Promise.all(names.map((name) => send("POST", name, 204, body)));
  }
  const grownMib = server.figures().rssMib - rssMib;
  const sentMib = SENT_MIB * READERS;
  console.log(`${grownMib} MiB for ${READERS} readers who don't read ${sentMib} MiB`);
  ok(grownMib < sentMib, `${sentMib} MiB for ${READERS} readers cost ${grownMib} MiB`);
}
