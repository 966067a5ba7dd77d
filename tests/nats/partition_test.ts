import { ok } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { natsTest } from "../support/nats/find_nats_server.ts";
import { Namespaces } from "../support/nats/namespaces.ts";
import { NatsCluster } from "../support/nats/nats_cluster.ts";
import { FrontEnds } from "./front_ends.ts";
import { underLoad } from "./load.ts";

const LOG = "DS_DATA_1";
/** Longer than a leader without followers goes on to believe that it leads. */
const LEAST_MS = 8_000;
const LIMIT_MS = 25_000;

const namespaces = Namespaces.make(3);
const skipped = "skipped: needs ip netns (run as root)";
const NAME = "the leader is cut off from the others, and clients reach all of them";

if (namespaces === undefined) {
  Deno.test({ name: `${NAME} (${skipped})`, ignore: true, fn: () => {} });
} else {
  const { hosts, launchers } = namespaces;
  Deno.test.afterAll(() => namespaces[Symbol.dispose]());
  natsTest(NAME, async () => {
    await using cluster = await NatsCluster.start({ servers: 3, hosts, launchers });
    await using frontEnds = await FrontEnds.start(cluster, ["--shards", "1"]);
    await underLoad(frontEnds, "partition", async () => {
      const leader = await cluster.leaderOf(LOG);
      namespaces.cut(leader);
      // Also one that is connected to the leader that was: it goes over to another server.
      const isServing = [false, false];
      for (const endMs = Date.now() + LIMIT_MS; Date.now() < endMs; await sleep(500)) {
        for (let index = 0; index < frontEnds.count; index++) {
          const response = await frontEnds.fetchFrom(index, "partition/a?offset=now");
          await response.body?.cancel();
          isServing[index] = response.status === 200;
        }
        if (Date.now() >= endMs - LIMIT_MS + LEAST_MS && isServing.every(Boolean)) break;
      }
      namespaces.heal(leader);
      await cluster.ready();
      ok(
        isServing.every(Boolean),
        `front ends that served at the end of it: ${isServing}\n${frontEnds.output()}`,
      );
    });
  });
}
