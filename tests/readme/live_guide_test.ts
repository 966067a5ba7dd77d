import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { readFileSync } from "node:fs";
import process from "node:process";
import { Client } from "../../src/client/client.ts";
import type { Reader } from "../../src/client/reader/reader.ts";
import { until } from "../support/until.ts";
import { type Program, startProgram } from "../tools/program.ts";
import { inRepo } from "../tools/repo.ts";

/** The code of docs/LIVE.md, run as it stands there but for the port. */

const guide = readFileSync(inRepo("docs", "LIVE.md"), "utf8");
const blockOf = (language: string) =>
  new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(guide)?.[1] ?? "";
const CONTENT_TYPE = { contentType: "application/json" };

async function withServer(run: (server: Program, client: Client) => Promise<void>): Promise<void> {
  const flags = ["--port", "0", "--storage", "memory", "--listing"];
  const server = await startProgram([process.execPath, "run", "-A", "main.ts", ...flags]);
  try {
    await run(server, new Client(server.url));
  } finally {
    await server.kill();
  }
}

/** Runs code with these names. */
async function evaluate(code: string, names: Record<string, unknown>): Promise<void> {
  const source = `export default async ({ ${Object.keys(names)} }) => {\n${code}\n};`;
  const module = await import(`data:text/javascript;charset=utf-8,${encodeURIComponent(source)}`);
  await module.default(names);
}

Deno.test("the client's example of the guide follows several streams, and those of a pattern", () =>
  withServer(async (server, client) => {
    const names = ["a", "b", "chat/1", "jobs/1"];
    for (const name of names) {
      await client.create(name, { ...CONTENT_TYPE, initialData: `["${name}"]` });
    }
    const readers: Reader[] = [];
    const followed: unknown[] = [];
    const follow = async (reader: Reader) => {
      readers.push(reader);
      const following = (async () => {
        for await (const value of reader.json()) followed.push(value);
      })();
      await rejects(following, { code: "ended" });
    };
    const seen: unknown[] = [];
    const enough = new Error("enough");
    const show = (stream: string, value: unknown) => {
      equal(stream, value);
      seen.push(value);
      if (seen.length === 2) throw enough;
    };
    const code = blockOf("ts").replace("http://localhost:4437/v1/stream", server.url);
    const ran = evaluate(code, { Client, names: ["a", "b"], follow, show });
    equal(await ran.catch((error: unknown) => error), enough);
    deepEqual(seen.toSorted(), ["chat/1", "jobs/1"]);
    await until(() => followed.length === 2, () => `${followed}`);
    await Promise.all(readers.map((reader) => reader.close()));
  }));

Deno.test("the EventSource of the guide shows each message once", () =>
  withServer(async (server, client) => {
    await client.create("chat/1", { ...CONTENT_TYPE, initialData: '["one"]' });
    await client.create("presence", { ...CONTENT_TYPE, initialData: '["before"]' });
    const seen: string[] = [];
    let source: EventSource | undefined;
    class Kept extends EventSource {
      constructor(url: string) {
        super(url);
        source = this;
      }
    }
    const show = (stream: string, value: unknown) => seen.push(`${stream} ${value}`);
    await evaluate(blockOf("js"), { EventSource: Kept, base: server.url, show });
    try {
      await until(() => seen.length === 1, () => "nothing came");
      await client.writer("presence").sendJson("here");
      await client.writer("chat/1").sendJson("two");
      await until(() => seen.length === 3, () => `${seen}`);
      deepEqual(seen.toSorted(), ["chat/1 one", "chat/1 two", "presence here"]);
    } finally {
      source?.close();
    }
  }));

Deno.test("the request of the guide follows what it names, and not what has ended", () =>
  withServer(async (server, client) => {
    for (const name of ["jobs/1", "jobs/2", "jobs/3"]) await client.create(name, CONTENT_TYPE);
    const response = await fetch(`${server.url}/__ds/live`, {
      method: "POST",
      body: blockOf("json"),
    });
    equal(response.status, 200);
    let text = "";
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    while (!/"upToDate":true}\n\n$/.test(text) || !text.includes("jobs/3")) {
      const next = await reader?.read();
      ok(next?.done === false, text);
      text += next.value;
    }
    const sets = [...text.matchAll(/^event: ?set\ndata: ?(.*)$/gm)].map(([, data = ""]) => data);
    const added = sets.flatMap((set) =>
      JSON.parse(set).added.map(({ stream }: { stream: string }) => stream)
    );
    deepEqual(added.toSorted(), ["jobs/1", "jobs/2", "jobs/3"]);
    await reader?.cancel();
  }));
