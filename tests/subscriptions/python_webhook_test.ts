import { deepEqual, equal, ok } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { Client } from "../../src/client/client.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";
import { runCommand } from "../tools/command.ts";
import { startProgram } from "../tools/program.ts";
import { inRepo } from "../tools/repo.ts";

/** The signature of webhooks by somebody else's code: the package cryptography of PyPI. */

const PACKAGE = "cryptography==48.0.0";
const hasPackage = spawnSync("python3", ["-c", "import cryptography"]).status === 0;
const isSkipped = !hasPackage && process.env.CI !== "true";

Deno.test({
  name: "Python verifies a webhook by the published keys, and no changed one (§6.5, §7.1)" +
    (isSkipped ? " (skipped: needs Python with cryptography, pip install cryptography)" : ""),
  ignore: isSkipped,
  fn: () => withTempDir(async (dir) => await receiveByPython(await pythonIn(dir))),
});

/** A Python that has the package; where the machine's lacks it, one in a folder of its own. */
async function pythonIn(dir: string): Promise<string> {
  if (hasPackage) return "python3";
  await mustRun(["python3", "-m", "venv", dir]);
  await mustRun([`${dir}/bin/pip`, "install", "--quiet", PACKAGE]);
  return `${dir}/bin/python`;
}

async function mustRun(command: readonly string[]): Promise<void> {
  const { code, output } = await runCommand(command, { limitMinutes: 3 });
  equal(code, 0, output);
}

async function receiveByPython(python: string): Promise<void> {
  const server = await startProgram(
    [Deno.execPath(), "run", "-A", inRepo("main.ts"), "--storage", "memory", "--port", "0"],
  );
  try {
    const script = inRepo("tests", "subscriptions", "webhook_receiver.py");
    const receiver = await startProgram([python, script, `${server.url}/__ds/jwks.json`]);
    try {
      const subscription = new Client(server.url).subscription("mail");
      await subscription.create({ pattern: "mail/*", webhookUrl: receiver.url });
      const { nextOffset } = await new Client(server.url)
        .create("mail/größe", { contentType: "text/plain", initialData: "hello" });
      const line = /^\{.*\}$/m;
      await until(() => line.test(receiver.output()), () => receiver.output());
      const { wake, ageSeconds, ...received } = JSON.parse(line.exec(receiver.output())?.[0] ?? "");
      deepEqual(received, {
        verified: true,
        changedIsVerified: false,
        kty: "OKP",
        crv: "Ed25519",
      });
      ok(Math.abs(ageSeconds) < 300, `${ageSeconds} s`);
      deepEqual(wake.streams, [{
        path: "mail/größe",
        link_type: "glob",
        acked_offset: "-1",
        tail_offset: nextOffset,
        has_pending: true,
      }]);
      // Its answer, {"done": true}, acknowledges.
      await until(
        async () => (await subscription.get()).streams[0]?.ackedOffset === nextOffset,
        () => receiver.output(),
      );
    } finally {
      await receiver.kill();
    }
    await server.stop();
  } finally {
    await server.kill();
  }
}
