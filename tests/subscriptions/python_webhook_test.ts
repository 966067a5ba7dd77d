import { deepEqual, ok } from "node:assert/strict";
import { Client } from "../../src/client/client.ts";
import { pythonTest } from "../support/python_package.ts";
import { until } from "../support/until.ts";
import { startProgram } from "../tools/program.ts";
import { inRepo } from "../tools/repo.ts";

/** The signature of webhooks by somebody else's code: the package cryptography of PyPI. */

const PACKAGE = { requirement: "cryptography==48.0.0", module: "cryptography" };

pythonTest(
  PACKAGE,
  "Python verifies a webhook by the published keys, and no changed one (§6.5, §7.1)",
  receiveByPython,
);

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
