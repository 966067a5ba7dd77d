import { deepEqual, equal, match, ok } from "node:assert/strict";
import process from "node:process";
import { until } from "../support/until.ts";
import { type AttackedServer, underAttack } from "./attacked_server.ts";
import { Sockets } from "./sockets.ts";

const TEXT = { "content-type": "text/plain" };
const READERS = Number(process.env["HOSTILE_READERS"] ?? 5000);
const HERD = Number(process.env["HOSTILE_HERD"] ?? 2000);
const MIB = 1024 * 1024;

async function make(server: AttackedServer, name: string): Promise<string> {
  const url = `${server.url}/${name}`;
  equal((await fetch(url, { method: "PUT", headers: TEXT })).status, 201);
  return url;
}

async function append(url: string, body: string): Promise<void> {
  const answer = await fetch(url, { method: "POST", headers: TEXT, body });
  await answer.body?.cancel();
  equal(answer.status, 204);
}

async function live(server: AttackedServer): Promise<number> {
  return (await server.health()).readers.live;
}

underAttack(`${READERS} idle SSE readers get what comes, and vanish at once`, [
  "--max-live-readers",
  `${READERS + 1}`,
  // None of them ends before the last has come.
  "--sse-close-after",
  "1h",
], async (server) => {
  const url = await make(server, "watched");
  const { rssMib } = server.figures();
  const seen = new Set<number>();
  const sockets = new Sockets((text, index) => {
    if (text.includes("message")) seen.add(index);
  });
  try {
    for (let i = 0; i < READERS; i++) {
      await sockets.get(`${url}?offset=now&live=sse`, { isRead: true });
    }
    // The other client follows by SSE as well.
    await until(async () => await live(server) === READERS + 1, () => "all of them wait");
    const refused = await fetch(`${url}?offset=now&live=sse`);
    equal(refused.status, 503);
    match(await refused.text(), /"too_many_readers"/);
    console.log(`${Math.round((server.figures().rssMib - rssMib) * 1024 / READERS)} KiB a reader`);
    await append(url, "message");
    await until(() => seen.size === READERS, () => `${seen.size} of ${READERS} saw it`);
  } finally {
    sockets.destroy();
  }
  await until(
    async () => await live(server) <= 1,
    () => "the server has noticed that they are gone",
  );
  ok((await server.health()).readers.refused >= 1);
}, { spareMib: 256 });

underAttack("SSE readers that never read are disconnected, and cost no more than they may", [
  // What they are sent has to fill their buffers before: a reader with room is not cut, but ends.
  "--sse-close-after",
  "10s",
], async (server) => {
  const url = await make(server, "flood");
  const readers = 20;
  const sockets = new Sockets();
  const { rssMib } = server.figures();
  try {
    for (let i = 0; i < readers; i++) {
      await sockets.get(`${url}?offset=now&live=sse`, { isRead: false });
    }
    await until(async () => await live(server) >= readers, () => "all of them wait");
    const mib = "x".repeat(MIB);
    for (let i = 0; i < 64; i++) await append(url, mib);
    const grownMib = server.figures().rssMib - rssMib;
    console.log(`${grownMib} MiB for ${readers} readers`);
    ok(grownMib < 64 * 4, `64 MiB sent to ${readers} readers cost ${grownMib} MiB`);
    await until(
      async () => (await server.health()).readers.cut >= readers,
      () => "those that don't read are cut off",
    );
    await until(async () => await live(server) <= 1, () => "they don't count as readers any more");
  } finally {
    sockets.destroy();
  }
  const answer = await fetch(`${url}?offset=-1`);
  equal((await answer.text()).length, MIB, "what they lack is there to be read");
}, { spareMib: 256 });

underAttack(`herds of ${HERD} long-polls are answered at once`, [
  // None of them ends before the last has come.
  "--long-poll-timeout",
  "5m",
], async (server) => {
  const url = await make(server, "herd");
  // Its connections end with it.
  using client = Deno.createHttpClient({});
  let offset = "now";
  for (const message of ["first", "second", "third", "closed"]) {
    const answers = herd(url, offset, client);
    await until(async () => await live(server) >= HERD, () => "all of them wait");
    if (message === "closed") {
      const closed = await fetch(url, { method: "POST", headers: { "stream-closed": "true" } });
      equal(closed.status, 204);
    } else await append(url, message);
    for (const { status, next, text } of await answers) {
      equal(`${status} ${text}`, message === "closed" ? "204 " : `200 ${message}`);
      offset = next ?? "";
    }
  }
}, { spareMib: 256 });

underAttack(`herds of ${HERD} long-polls that nothing comes for are told so`, [
  "--long-poll-timeout",
  "2s",
], async (server) => {
  const url = await make(server, "herd");
  await append(url, "before");
  using client = Deno.createHttpClient({});
  const { headers } = await fetch(url, { method: "HEAD" });
  const tail = headers.get("stream-next-offset") ?? "";
  for (const { status, next, text } of await herd(url, tail, client)) {
    deepEqual([status, next, text], [204, tail, ""]);
  }
}, { spareMib: 256 });

function herd(url: string, offset: string, client: Deno.HttpClient) {
  return Promise.all(Array.from({ length: HERD }, async () => {
    const answer = await fetch(`${url}?offset=${offset}&live=long-poll`, { client });
    return {
      status: answer.status,
      next: answer.headers.get("stream-next-offset"),
      text: await answer.text(),
    };
  }));
}
