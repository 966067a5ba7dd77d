import { deepEqual, equal, ok } from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { withTempDir } from "../support/temp_dir.ts";
import { buildPackage } from "../tools/package_build.ts";
import { BUN, installTestTools } from "../tools/install.ts";
import { nodePath } from "../tools/node.ts";
import { type Program, startProgram } from "../tools/program.ts";
import { inRepo } from "../tools/repo.ts";

/** docs/EMBEDDING.md's programs, run as they stand there but for the port. */

const TEXT = { "content-type": "text/plain" };
const LONG = "0123456789abcdef".repeat(20_000);

const guide = readFileSync(inRepo("docs", "EMBEDDING.md"), "utf8");
const programs = [...guide.matchAll(/^## (.+)\n[^#]*?```js\n([\s\S]*?)```/gm)]
  .map(([, name = "", code = ""]) => ({ name, code }));
/** What the table says of each. */
const locations = new Map(
  [...guide.matchAll(/^\| (\S.*?) +\|.*\| `(http:\/\/127\.0\.0\.1:4437\S*)` +\|$/gm)]
    .map(([, name = "", location = ""]) => [name, location]),
);

Deno.test("the guide has a program for each row of its table", () => {
  deepEqual(programs.map(({ name }) => name).sort(), [...locations.keys()].sort());
  ok(programs.length >= 7);
});

for (const { name, code } of programs) {
  Deno.test(`mounted in ${name} the app answers with the Location that the guide gives`, () =>
    withTempDir(async (dir) => {
      await installTestTools();
      await buildPackage();
      linkPackages(dir);
      writeFileSync(`${dir}/package.json`, '{ "type": "module" }');
      writeFileSync(`${dir}/program.js`, code.replace("4437", "0"));
      const program = await startProgram([...await runtimeFor(name), "program.js"], { cwd: dir });
      try {
        await useIt(program, locations.get(name) ?? "");
        await program.stop();
      } finally {
        await program.kill();
      }
    }));
}

async function runtimeFor(name: string): Promise<readonly string[]> {
  if (name.includes("Bun")) return [BUN];
  if (name.includes("Deno")) return [Deno.execPath(), "run", "-A"];
  return [await nodePath("22.23.3")];
}

/** The packages that the programs import, where a project of their own would have them. */
function linkPackages(dir: string): void {
  mkdirSync(`${dir}/node_modules/@hono`, { recursive: true });
  symlinkSync(inRepo(), `${dir}/node_modules/durable-streams`);
  symlinkSync(inRepo("node_modules", "hono"), `${dir}/node_modules/hono`);
  for (const name of ["express", "fastify", "@hono/node-server"]) {
    symlinkSync(inRepo("tests", "node_modules", name), `${dir}/node_modules/${name}`);
  }
}

async function useIt(program: Program, location: string): Promise<void> {
  const url = location.replace("http://127.0.0.1:4437", program.origin);
  const created = await fetch(url, { method: "PUT", headers: TEXT });
  await created.body?.cancel();
  equal(created.status, 201);
  equal(created.headers.get("location"), url);
  equal(await append(url, LONG), 204);
  const read = await fetch(url);
  equal(await read.text(), LONG);
  const next = read.headers.get("stream-next-offset") ?? "";
  const waiting = fetch(`${url}?offset=${next}&live=long-poll`);
  equal(await append(url, "news"), 204);
  equal(await (await waiting).text(), "news");
  const head = await fetch(url, { method: "HEAD" });
  equal(head.status, 200);
  const events = await fetch(`${url}?offset=${next}&live=sse`);
  const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
  let seen = "";
  while (!seen.includes("data:news")) {
    const { value } = await reader?.read() ?? {};
    ok(value !== undefined, `it ended after ${seen}`);
    seen += value;
  }
  await reader?.cancel();
  const removed = await fetch(url, { method: "DELETE" });
  await removed.body?.cancel();
  equal(removed.status, 204);
}

async function append(url: string, body: string): Promise<number> {
  const answer = await fetch(url, { method: "POST", headers: TEXT, body });
  await answer.body?.cancel();
  return answer.status;
}
