import { equal } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { BUN } from "../tools/install.ts";
import { startProgram } from "../tools/program.ts";
import { inRepo } from "../tools/repo.ts";

/**
 * The package as its users get it: built, packed, unpacked under another project's node_modules, and
 * imported there by each runtime.
 */

const USER_PROGRAM = `
import { createApp, createMemoryStorage, openFileStorage } from "durable-streams";
for (const storage of [createMemoryStorage(), await openFileStorage({ dir: "./streams" })]) {
  const app = createApp({ storage });
  const headers = { "content-type": "text/plain" };
  await app.request("/v1/stream/s", { method: "PUT", headers });
  await app.request("/v1/stream/s", { method: "POST", headers, body: "hello" });
  console.log(await (await app.request("/v1/stream/s")).text());
  await storage.close();
}
`;

const CLIENT_PROGRAM = `
import { Client } from "durable-streams/client";
const [origin, path] = process.argv.slice(2);
const client = new Client(origin);
await client.create(path, { contentType: "application/json" });
const producer = client.producer(path, { id: "p" });
for (const word of ["hello", "from", "here"]) await producer.sendJson(word);
await producer.closeStream();
const modes = ["auto", "long-poll", "sse"];
for (const readMode of modes) {
  const words = [];
  for await (const word of client.reader(path, { readMode }).json()) words.push(word);
  console.log(words.join(" "));
}
`;
const CLIENT_OUTPUT = "hello from here\n".repeat(3);

const USER_TYPES = `
import { createApp, createMemoryStorage, type Storage } from "durable-streams";
import { Client, type Message } from "durable-streams/client";
const client = new Client("http://localhost/v1/stream", { timeoutMs: 1000 });
const messages: AsyncIterable<Message> = client.reader("s");
// @ts-expect-error a misspelt option is an error, so the declarations were found
client.reader("s", { readmode: "sse" });
console.log(messages);
const storage: Storage = createMemoryStorage();
const app = createApp({ storage, chunkBytes: 65536 });
const answer: Response = await app.request("/v1/stream/s");
console.log(answer.status);
// @ts-expect-error a misspelt option is an error, so the declarations were found
createApp({ storage, chunkByte: 1 });
`;

function run(command: string, args: string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  equal(status, 0, `${command} ${args.join(" ")}:\n${stdout}${stderr}`);
  return stdout;
}

/** Another project, with the packed package and what it depends on under node_modules. */
function userProject(): string {
  const project = mkdtempSync(join(tmpdir(), "durable-streams-user-"));
  run(Deno.execPath(), ["task", "build"], inRepo());
  // What `npm pack` takes: package.json's "files".
  const target = join(project, "node_modules", "durable-streams");
  mkdirSync(target, { recursive: true });
  for (const part of ["dist", "src", "package.json", "README.md", "LICENSE"]) {
    cpSync(inRepo(part), join(target, part), { recursive: true });
  }
  for (const name of ["hono", "@logtape", "commander"]) {
    symlinkSync(inRepo("node_modules", name), join(project, "node_modules", name));
  }
  writeFileSync(
    join(project, "package.json"),
    '{ "type": "module", "dependencies": { "durable-streams": "*", "hono": "*" } }',
  );
  writeFileSync(join(project, "program.mjs"), USER_PROGRAM);
  writeFileSync(join(project, "client.mjs"), CLIENT_PROGRAM);
  writeFileSync(join(project, "types.mts"), USER_TYPES);
  return project;
}

Deno.test("the package imports and serves from another project", async (t) => {
  const project = userProject();
  try {
    const deno = ["run", "-A", "--node-modules-dir=manual", "program.mjs"];
    await t.step("on Deno", () => equal(run(Deno.execPath(), deno, project), "hello\nhello\n"));
    rmSync(join(project, "streams"), { recursive: true });
    await t.step("on Bun", () => equal(run(BUN, ["program.mjs"], project), "hello\nhello\n"));
    await t.step("its client on Deno, Bun and Node", async () => {
      const server = await startProgram(
        [process.execPath, "run", "-A", "main.ts", "--port", "0", "--storage", "memory"],
      );
      try {
        const client = (name: string) => ["client.mjs", server.url, name];
        const denoArgs = ["run", "-A", "--node-modules-dir=manual", ...client("on-deno")];
        equal(run(Deno.execPath(), denoArgs, project), CLIENT_OUTPUT);
        equal(run(BUN, client("on-bun"), project), CLIENT_OUTPUT);
        equal(run("node", client("on-node"), project), CLIENT_OUTPUT);
        await server.stop();
      } finally {
        await server.kill();
      }
    });
    await t.step("with its types", () => {
      const compiler = inRepo("tests", "node_modules", "typescript", "bin", "tsc");
      const flags = "--noEmit --strict --skipLibCheck --module nodenext --target es2024".split(" ");
      const types = ["--lib", "esnext,dom,dom.iterable", "--types", "node"];
      const roots = ["--typeRoots", inRepo("tests", "node_modules", "@types")];
      run(BUN, [compiler, ...flags, ...types, ...roots, "types.mts"], project);
    });
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
});

const npmIsThere = spawnSync("npm", ["--version"]).status === 0;

Deno.test({
  name: `npm pack takes what the package needs, and nothing else${
    npmIsThere ? "" : " (skipped: needs npm)"
  }`,
  ignore: !npmIsThere && process.env.CI !== "true",
  fn: checkPacked,
});

function checkPacked(): void {
  const [packed] = JSON.parse(
    run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], inRepo()),
  );
  const paths: string[] = packed.files.map(({ path }: { path: string }) => path);
  const client = ["dist/client/mod.js", "dist/client/mod.d.ts", "src/client/mod.ts"];
  for (
    const wanted of [
      ...client,
      "dist/mod.js",
      "dist/mod.d.ts",
      "src/mod.ts",
      "LICENSE",
      "README.md",
    ]
  ) {
    equal(paths.includes(wanted), true, `${wanted} is packed`);
  }
  equal(paths.includes("dist/storage/file/catalog_worker.js"), true);
  equal(paths.some((path) => path.startsWith("tests/") || path.startsWith("bench/")), false);
}
