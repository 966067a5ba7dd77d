import { equal } from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodePath } from "../tools/node.ts";
import { inRepo } from "../tools/repo.ts";
import { startServer } from "./server_process.ts";
import { bun } from "./targets.ts";

const EXAMPLES: readonly (readonly string[])[] = [
  [Deno.execPath(), "run", "-A", "examples/deno.ts"],
  [bun, "examples/bun.ts"],
  [await nodePath("22.23.3"), "examples/node.ts"],
  [await nodePath("24.21.0"), "examples/node.ts"],
];
const TEXT = { "content-type": "text/plain" };

for (const command of EXAMPLES) {
  Deno.test(`${command.at(-1)} serves a directory and keeps it over SIGTERM`, async () => {
    const dir = mkdtempSync(join(tmpdir(), "durable-streams-example-"));
    const env = { PORT: "0", DIR: join(dir, "streams") };
    try {
      for (const expected of ["hello", "hellohello"]) {
        await using server = await startServer(command, [], env);
        const stream = `${server.url}/greetings`;
        await (await fetch(stream, { method: "PUT", headers: TEXT })).body?.cancel();
        await (await fetch(stream, { method: "POST", headers: TEXT, body: "hello" })).body
          ?.cancel();
        equal(await (await fetch(stream)).text(), expected);
        server.signal("SIGTERM");
        const { code, stderr } = await server.ended;
        equal(code, 0, stderr);
        equal(stderr, "");
      }
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
}

Deno.test("examples/hono.ts serves the streams behind its middleware", async () => {
  const command = [Deno.execPath(), "run", "-A", inRepo("examples", "hono.ts")];
  await using server = await startServer(command, [], { PORT: "0", TOKEN: "open" });
  const stream = `${server.url}/greetings`;
  const put = async (headers: Record<string, string>) => {
    const answer = await fetch(stream, { method: "PUT", headers: { ...TEXT, ...headers } });
    await answer.body?.cancel();
    return answer.status;
  };
  equal(await put({}), 401);
  equal(await put({ authorization: "Bearer open" }), 201);
  const read = await fetch(stream, { headers: { authorization: "Bearer open" } });
  equal(read.status, 200);
  await read.body?.cancel();
});
