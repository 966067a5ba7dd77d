import { equal, ok } from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { until } from "../support/until.ts";
import { type AttackedServer, underAttack } from "./attacked_server.ts";

const TEXT = { "content-type": "text/plain" };
const STREAMS = Number(process.env["HOSTILE_STREAMS"] ?? 25_000);
const AT_ONCE = 32;
const BLOCK = "b".repeat(5000);

underAttack(`${STREAMS} short-lived streams leave nothing behind`, [
  "--wal-bytes",
  "16MiB",
  "--max-open-files",
  "64",
], async (server) => {
  let next = 0;
  let mostFiles = 0;
  const live = async (i: number) => {
    const url = `${server.url}/short/${i}`;
    const send = async (method: string, body?: string, headers = {}) => {
      const init = { method, headers: { ...TEXT, ...headers } };
      const answer = await fetch(url, body === undefined ? init : { ...init, body });
      return { status: answer.status, text: await answer.text() };
    };
    equal((await send("PUT", undefined, i % 5 === 0 ? { "stream-ttl": "1" } : {})).status, 201);
    // Long enough for a segment of its own, now and then.
    const body = i % 50 === 1 ? BLOCK : `message ${i}`;
    equal((await send("POST", body)).status, 204);
    const { text } = await send("GET");
    equal(text, body);
    if (i % 5 !== 0) equal((await send("DELETE")).status, 204);
  };
  const worker = async () => {
    for (let i = next++; i < STREAMS; i = next++) {
      await live(i);
      if (i % 1000 === 0) mostFiles = Math.max(mostFiles, server.figures().openFiles);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  // The streams' files are bounded by the flag; the rest are the program's, and connections.
  ok(mostFiles < 64 + AT_ONCE + 100, `${mostFiles} files were open`);
  await until(() => segmentsOf(server) <= 10, () => `${segmentsOf(server)} segment files are left`);
}, { isAboutHttp: false });

function segmentsOf({ dir }: AttackedServer): number {
  const folders = readdirSync(join(dir, "segments"));
  return folders.reduce(
    (sum, folder) => sum + readdirSync(join(dir, "segments", folder)).length,
    0,
  );
}
