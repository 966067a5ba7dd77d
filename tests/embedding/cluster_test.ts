import { equal, ok } from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { natsTest } from "../support/nats/find_nats_server.ts";
import { NatsCluster } from "../support/nats/nats_cluster.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { BUN, installTestTools } from "../tools/install.ts";
import { nodePath } from "../tools/node.ts";
import { buildPackage } from "../tools/package_build.ts";
import { type Program, startProgram } from "../tools/program.ts";
import { inRepo } from "../tools/repo.ts";

/** The program with a cluster of docs/EMBEDDING.md, on each runtime, all over one cluster. */

const guide = readFileSync(inRepo("docs", "EMBEDDING.md"), "utf8");
const [, code = ""] = /^## In a cluster\n[^#]*?```ts\n([\s\S]*?)```/m.exec(guide) ?? [];

natsTest(
  "a stream that a program on one runtime writes is read by those on the others",
  () =>
    withTempDir(async (dir) => {
      await installTestTools();
      await buildPackage();
      await using cluster = await NatsCluster.start({ servers: 3 });
      mkdirSync(`${dir}/node_modules`);
      symlinkSync(inRepo(), `${dir}/node_modules/durable-streams`);
      writeFileSync(`${dir}/package.json`, '{ "type": "module" }');
      const servers = JSON.stringify(cluster.urls);
      const program = code.replace(/const servers = .*;/, `const servers = ${servers};`)
        .replace("4437", "0") + "console.log(`listening on ${server.url}`);\n";
      ok(program.includes(servers) && program.includes("port: 0"));
      writeFileSync(`${dir}/program.js`, program);
      const runtimes = [[await nodePath("22.23.3")], [BUN], [Deno.execPath(), "run", "-A"]];
      const running: Program[] = [];
      try {
        for (const runtime of runtimes) {
          running.push(await startProgram([...runtime, "program.js"], { cwd: dir }));
        }
        const headers = { "content-type": "text/plain" };
        for (const [index, { url }] of running.entries()) {
          const init = { method: index === 0 ? "PUT" : "POST", headers, body: `${index} ` };
          const response = await fetch(`${url}/a`, init);
          await response.body?.cancel();
          ok(response.ok, `${response.status}`);
        }
        for (const { url } of running) {
          equal(await (await fetch(`${url}/a?offset=-1`)).text(), "0 1 2 ");
        }
      } finally {
        await Promise.all(running.map((program) => program.kill()));
      }
    }),
);
