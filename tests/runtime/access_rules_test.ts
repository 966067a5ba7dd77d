import { equal } from "node:assert/strict";
import { join } from "node:path";
import { AUDIENCE, makeJwt, makeKey } from "../access/access_kit.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { installTestTools } from "../tools/install.ts";
import { startProgram } from "../tools/program.ts";
import { RUNTIME_TARGETS, WORKER_TARGETS } from "./targets.ts";

for (const { name, command } of [...RUNTIME_TARGETS, ...WORKER_TARGETS]) {
  if (!["deno", "bun", "bun-workers"].includes(name)) continue;
  Deno.test(`${name}: a JWT may do what the configuration's rules grant its claims, and no more`, async () => {
    await installTestTools();
    await withTempDir(async (dir) => {
      const key = await makeKey("ES256");
      // The program has the machine's clock.
      const clock = new ManualClock(Date.now());
      Deno.writeTextFileSync(join(dir, "key.json"), JSON.stringify(key.jwk));
      const config = join(dir, "streams.toml");
      Deno.writeTextFileSync(
        config,
        `jwt-key = ${JSON.stringify(join(dir, "key.json"))}
jwt-audience = "${AUDIENCE}"
storage = "memory"
port = 0

[[access.rule]]
claims = { role = "writer" }
grants = ["create,read notes/{sub}/**"]
`,
      );
      const program = await startProgram([...await command(), "--config", config]);
      const put = async (path: string, claims: Record<string, unknown>) => {
        const authorization = `Bearer ${await makeJwt(clock, key, { claims })}`;
        const response = await fetch(`${program.url}/${path}`, {
          method: "PUT",
          headers: { authorization },
        });
        await response.body?.cancel();
        return response.status;
      };
      try {
        equal(await put("notes/ann/1", { role: "writer" }), 201);
        equal(await put("notes/ann/2", { role: "reader" }), 403);
        equal(await put("notes/bob/1", { role: "writer" }), 403);
      } finally {
        await program.stop();
      }
    });
  });
}
