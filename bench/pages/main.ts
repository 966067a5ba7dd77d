/**
 * Pages with many live streams each: what a delivery and a page cost the server, by a connection for each
 * stream and by one for all; what appends cost that nobody follows is taken off. Prints a table.
 * The floor of a runtime is what a server costs that only writes: give bench/pages/bare.ts as the command.
 *
 * Usage: deno run -A bench/pages/main.ts [--pages 200] [--streams 50] [--seconds 10] [-- COMMAND OF THE SERVER...]
 */
import { connect, type Socket } from "node:net";
import { Buffer } from "node:buffer";
import { parseArgs } from "node:util";
import { readFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { type ServerProcess, startServer } from "../../tests/runtime/server_process.ts";

/** What each message has once. */
const EVENT = Buffer.from('{"text"');
const OPENED_AT_ONCE = 100;
/** How appends come: how many at once, and how many a second to all streams together. */
const LOADS = {
  /** Further apart than the server waits for what it could send along: each is a write of its own. */
  apart: { isTogether: false, perSecond: 40 },
  spread: { isTogether: false, perSecond: 150 },
  together: { isTogether: true, perSecond: 150 },
} as const;
const WARM_PART = 10;
/** So many times as many pages are opened to see their memory, where each is one connection. */
const MORE_PAGES = 10;
const TICKS_A_SECOND = 100;
const PAGE_BYTES = 4096;
/** What takes longer doesn't come any more. */
const LIMIT_MS = 20_000;

type Way = "single" | "many";
type Load = typeof LOADS[keyof typeof LOADS];

const { values, positionals } = parseArgs({
  options: {
    pages: { type: "string", default: "200" },
    streams: { type: "string", default: "50" },
    seconds: { type: "string", default: "10" },
  },
  allowPositionals: true,
});
const pages = Number(values.pages);
const streams = Number(values.streams);
const seconds = Number(values.seconds);
const command = positionals.length > 0 ? positionals : [process.execPath, "run", "-A", "main.ts"];

let deliveries = 0;
let ends = 0;

/** Counts the messages that come, also those that two chunks part. */
function watch(socket: Socket): void {
  let tail = Buffer.alloc(0);
  socket.on("error", () => {}).on("close", () => ends++).on("data", (chunk: Buffer) => {
    const bytes = tail.length === 0 ? chunk : Buffer.concat([tail, chunk]);
    let end = 0;
    for (let at = bytes.indexOf(EVENT); at >= 0; at = bytes.indexOf(EVENT, end)) {
      deliveries++;
      end = at + EVENT.length;
    }
    tail = Buffer.from(bytes.subarray(Math.max(end, bytes.length - EVENT.length + 1)));
  });
}

async function open(port: number, heads: readonly string[]): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let at = 0; at < heads.length; at += OPENED_AT_ONCE) {
    await Promise.all(
      heads.slice(at, at + OPENED_AT_ONCE).map((head) =>
        new Promise<void>((resolve) => {
          const socket = connect(port, "127.0.0.1");
          sockets.push(socket);
          socket.once("data", () => resolve());
          watch(socket);
          socket.write(head);
        })
      ),
    );
  }
  return sockets;
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

function residentBytes(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * PAGE_BYTES;
}

async function append(url: string, stream: number): Promise<void> {
  const body = JSON.stringify([{ text: "x".repeat(200) }]);
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${url}/page/${stream}`, { method: "POST", headers, body });
  await answer.body?.cancel();
  if (answer.status !== 204) throw new Error(`An append was answered ${answer.status}.`);
}

/** Appends for a while at an even pace, one by one or to all streams at once, and waits until all has come. */
async function load(
  url: string,
  { isTogether, perSecond }: Load,
  followers: number,
): Promise<{ appends: number; seconds: number }> {
  const before = deliveries;
  const count = isTogether ? streams : 1;
  const startMs = Date.now();
  let appends = 0;
  for (let round = 0; Date.now() < startMs + seconds * 1000; round++) {
    await sleep(Math.max(0, startMs + round * count / perSecond * 1000 - Date.now()));
    await Promise.all(Array.from({ length: count }, (_, i) => append(url, (round + i) % streams)));
    appends += count;
  }
  const expected = before + appends * followers;
  for (const limitMs = Date.now() + LIMIT_MS; deliveries < expected; await sleep(1)) {
    if (Date.now() < limitMs) continue;
    throw new Error(
      `Of ${expected} deliveries ${deliveries} have come; ${ends} connections have ended.`,
    );
  }
  return { appends, seconds: (Date.now() - startMs) / 1000 };
}

function headsOf(way: Way, count: number): string[] {
  const names = Array.from({ length: streams }, (_, i) => `page/${i}`);
  const path = "/v1/stream";
  if (way === "single") {
    const heads = names.map((name) =>
      `GET ${path}/${name}?offset=now&live=sse HTTP/1.1\r\nhost: localhost\r\n\r\n`
    );
    return Array.from({ length: count }, () => heads).flat();
  }
  const body = JSON.stringify({ streams: names.map((stream) => ({ stream, offset: "now" })) });
  const head =
    `POST ${path}/__ds/live HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n\r\n`;
  return Array.from({ length: count }, () => head + body);
}

/** A server with the streams. */
async function startWithStreams(): Promise<ServerProcess> {
  const flags = ["--storage", "memory", "--port", "0", "--sse-close-after", "10m", "--no-page"];
  const server = await startServer(command, flags);
  for (let i = 0; i < streams; i++) {
    const headers = { "content-type": "application/json" };
    await (await fetch(`${server.url}/page/${i}`, { method: "PUT", headers })).body?.cancel();
  }
  return server;
}

/**
 * KiB of memory that a page takes, of so many that what the process takes for itself, garbage that it hasn't
 * collected above all, is little beside them.
 */
async function measureMemory(way: Way): Promise<number> {
  await using server = await startWithStreams();
  const port = portOf(server);
  const count = way === "single" ? pages : pages * MORE_PAGES;
  const heads = headsOf(way, count);
  const warm = Math.round(heads.length / WARM_PART);
  // The first ones have the runtime compile what serves them.
  const sockets = await open(port, heads.slice(0, warm));
  await sleep(1000);
  const emptyBytes = residentBytes(server.pid);
  sockets.push(...await open(port, heads.slice(warm)));
  await sleep(1000);
  const heldBytes = residentBytes(server.pid) - emptyBytes;
  for (const socket of sockets) socket.destroy();
  return Math.round(heldBytes / (count * (1 - 1 / WARM_PART)) / 1024);
}

async function measure(way: Way): Promise<Record<string, number>> {
  const row: Record<string, number> = { "KiB a page": await measureMemory(way) };
  await using server = await startWithStreams();
  const loads = Object.entries(LOADS);
  const appendSeconds = new Map<Load, number>();
  for (const [, howOften] of loads) {
    await load(server.url, howOften, 0);
    const before = cpuSeconds(server.pid);
    const { appends } = await load(server.url, howOften, 0);
    appendSeconds.set(howOften, (cpuSeconds(server.pid) - before) / appends);
  }
  const sockets = await open(portOf(server), headsOf(way, pages));
  await sleep(1000);
  for (const [kind, howOften] of loads) {
    await load(server.url, howOften, pages);
    const before = cpuSeconds(server.pid);
    const { appends, seconds } = await load(server.url, howOften, pages);
    const cpu = (cpuSeconds(server.pid) - before) / appends;
    const micros = (cpu - (appendSeconds.get(howOften) ?? 0)) / pages * 1e6;
    row[`deliveries/s, ${kind}`] = Math.round(appends * pages / seconds);
    row[`µs a delivery, ${kind}`] = Math.round(micros * 100) / 100;
  }
  for (const socket of sockets) socket.destroy();
  return row;
}

function portOf({ url }: ServerProcess): number {
  return Number(new URL(url).port);
}

console.log(`${pages} pages, ${streams} streams each; ${command.join(" ")}`);
console.table({ single: await measure("single"), many: await measure("many") });
process.exit();
