import { deepEqual, equal, ok } from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bun } from "../../runtime/targets.ts";
import { runCommand } from "../../tools/command.ts";
import { inRepo } from "../../tools/repo.ts";
import { COMPAT_TARGETS, sharedServer } from "../targets.ts";
import { Pages } from "./pages.ts";

/** This project's own client, bundled and minified, on a page of another origin. */

type ClientModule = typeof import("../../../src/client/mod.ts");

/** What a page is told: where the bundle and the streams are, and which stream is its own. */
interface PageTarget {
  readonly script: string;
  readonly base: string;
  readonly name: string;
}

const SCRIPT = "/client.js";
const pages = new Pages({
  prepare: async (host) => host.addScript(SCRIPT, await bundle()),
});

async function bundle(): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "durable-streams-bundle-"));
  try {
    const outfile = join(dir, "client.js");
    const entry = inRepo("src", "client", "mod.ts");
    const command = [
      bun,
      "build",
      "--minify",
      "--target",
      "browser",
      `--outfile=${outfile}`,
      entry,
    ];
    const { code, output } = await runCommand(command, { limitMinutes: 1 });
    equal(code, 0, output);
    return readFileSync(outfile, "utf8");
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const NUMBERS = Array.from({ length: 500 }, (_, n) => n);

for (const target of COMPAT_TARGETS) {
  const server = sharedServer(target);
  const place = (): PageTarget => {
    const name = server.streamUrl().slice(server.url.length + 1);
    return { script: SCRIPT, base: server.url, name };
  };

  pages.test(`${target.name}: the client's producer and its readers in each mode, in a page`, async (page) => {
    const asked = new Set<string | null>();
    page.on("request", (request: { url(): string }) => {
      asked.add(new URL(request.url()).searchParams.get("live"));
    });
    const read: unknown[][] = await page.evaluate(
      async ({ script, base, name }: PageTarget): Promise<unknown[][]> => {
        const { Client }: ClientModule = await import(script);
        const client = new Client(base);
        await client.create(name, { contentType: "application/json" });
        const all = (["auto", "sse", "long-poll"] as const).map(async (readMode) => {
          const items: unknown[] = [];
          for await (const item of client.reader(name, { readMode }).json()) items.push(item);
          return items;
        });
        const producer = client.producer(name, { id: "page", maxBatchBytes: 200 });
        for (let n = 0; n < 500; n++) await producer.sendJson(n);
        await producer.closeStream();
        return await Promise.all(all);
      },
      place(),
    );
    deepEqual(read, [NUMBERS, NUMBERS, NUMBERS]);
    ok(asked.has("sse") && asked.has("long-poll"));
  });

  pages.test(`${target.name}: the client reads bytes over SSE, which a page learns are base64`, async (page) => {
    const requests: string[] = [];
    page.on("request", (request: { url(): string }) => requests.push(request.url()));
    const bytes: number[] = await page.evaluate(
      async ({ script, base, name }: PageTarget): Promise<number[]> => {
        const { Client }: ClientModule = await import(script);
        const client = new Client(base);
        await client.create(name, { contentType: "application/octet-stream" });
        const every = Uint8Array.from({ length: 256 }, (_, i) => i);
        const writer = client.writer(name);
        await writer.send(every);
        const received: number[] = [];
        for await (const message of client.reader(name)) {
          received.push(...message.bytes);
          if (received.length === 256) await writer.send(every, { close: true });
        }
        return received;
      },
      place(),
    );
    const every = NUMBERS.slice(0, 256);
    deepEqual(bytes, [...every, ...every]);
    ok(requests.some((url) => url.includes("live=sse")));
  });

  pages.test(`${target.name}: blobs, streams and all at once in a page`, async (page) => {
    const read: string[] = await page.evaluate(
      async ({ script, base, name }: PageTarget): Promise<string[]> => {
        const { Client }: ClientModule = await import(script);
        const client = new Client(base);
        await client.create(name, { contentType: "text/plain", initialData: new Blob(["a☃\n"]) });
        const writer = client.writer(name);
        void writer.send(new Uint16Array([0x0a62]).buffer);
        await new Blob(["c\n"]).stream().pipeTo(writer.writable());
        await writer.send(new Blob(["d\n"]).stream(), { close: true });
        const reader = client.reader(name);
        let text = "";
        const chunks = client.reader(name).textStream().getReader();
        for (let next = await chunks.read(); !next.done; next = await chunks.read()) {
          text += next.value;
        }
        return [await reader.allText(), text, String(await client.exists(name))];
      },
      place(),
    );
    deepEqual(read, ["a☃\nb\nc\nd\n", "a☃\nb\nc\nd\n", "true"]);
  });

  pages.test(`${target.name}: the client's refusals in a page: their codes, and what the server says`, async (page) => {
    const refused: string[] = await page.evaluate(
      async ({ script, base, name }: PageTarget): Promise<string[]> => {
        const { Client, ClientError }: ClientModule = await import(script);
        const client = new Client(base);
        const codes: string[] = [];
        const note = (error: unknown) => {
          codes.push(error instanceof ClientError ? error.code : String(error));
        };
        await client.head(name).catch(note);
        await client.create(name, { contentType: "text/plain" });
        await client.create(name, { contentType: "application/json" }).catch(note);
        const writer = client.writer(name);
        await writer.send("x", { close: true });
        await writer.send("y").catch(note);
        await client.delete(name);
        await client.head(name).catch(note);
        return codes;
      },
      place(),
    );
    deepEqual(refused, ["not_found", "conflict", "stream_closed", "not_found"]);
  });
}
