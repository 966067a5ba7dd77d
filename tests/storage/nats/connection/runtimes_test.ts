import { equal, ok } from "node:assert/strict";
import { bun } from "../../../runtime/targets.ts";
import { natsTest } from "../../../support/nats/find_nats_server.ts";
import { NatsCluster } from "../../../support/nats/nats_cluster.ts";
import { runCommand } from "../../../tools/command.ts";
import { nodePath } from "../../../tools/node.ts";
import { inRepo } from "../../../tools/repo.ts";

/** The same on the other runtimes: Node runs TypeScript as it is from 22.18 on. */

const RUNTIMES = { Bun: () => Promise.resolve(bun), Node: () => nodePath("22.23.3") };

for (const [name, program] of Object.entries(RUNTIMES)) {
  natsTest(`on ${name} the connection does what any JetStream port has to`, async () => {
    const cluster = await NatsCluster.start({ servers: 3 });
    try {
      const script = inRepo("tests", "storage", "nats", "connection", "run_contract.ts");
      const servers = [cluster.urls.join(","), cluster.monitorUrls.join(","), "3"];
      const command = [await program(), script, ...servers];
      const { code, output } = await runCommand(command, { limitMinutes: 3 });
      equal(code, 0, output);
      ok([...output.matchAll(/^ok /gm)].length > 25, output);
    } finally {
      await cluster[Symbol.asyncDispose]();
    }
  });
}
