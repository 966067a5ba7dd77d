import { equal, ok } from "node:assert/strict";
import { RUNTIME_TARGETS } from "../runtime/targets.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { installTestTools } from "../tools/install.ts";
import { startProgram } from "../tools/program.ts";
import { until } from "./attacked_server.ts";
import { Sockets } from "./sockets.ts";

const TEXT = { "content-type": "text/plain" };
const LIMIT = 200;

for (const target of RUNTIME_TARGETS.filter(({ name }) => name !== "executable")) {
  Deno.test(`${target.name}: out of open files the server lives, and serves once there are some`, () =>
    withTempDir(async (root) => {
      await installTestTools();
      const flags = ["--port", "0", "--dir", `${root}/streams`, "--max-open-files", "16"];
      const words = [...await target.command(), ...flags].map((word) => `'${word}'`).join(" ");
      const program = await startProgram(["sh", "-c", `ulimit -n ${LIMIT}; exec ${words}`]);
      try {
        const url = `${program.url}/here`;
        equal((await fetch(url, { method: "PUT", headers: TEXT, body: "before;" })).status, 201);
        const sockets = new Sockets();
        for (let i = 0; i < LIMIT * 2; i++) {
          void sockets.get(`${url}?offset=now&live=sse`, { isRead: true });
        }
        await until(() => program.output().length > 0, () => "it started");
        await new Promise((resolve) => setTimeout(resolve, 500));
        sockets.destroy();
        await until(async () => {
          const answer = await fetch(url, { method: "POST", headers: TEXT, body: "after;" })
            .catch(() => undefined);
          await answer?.body?.cancel();
          return answer?.status === 204;
        }, () => "it serves again");
        const text = await (await fetch(`${url}?offset=-1`)).text();
        ok(/^before;(?:after;)+$/.test(text), text);
        await program.stop();
      } finally {
        await program.kill();
      }
    }));
}
