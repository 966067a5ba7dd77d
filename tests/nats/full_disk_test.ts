import { equal } from "node:assert/strict";
import { until } from "../support/until.ts";
import { type ClusterOnDisks, diskTest } from "./disk_test_kit.ts";
import { refusedForNow, underLoad } from "./load.ts";

/**
 * A server whose disk is full does without JetStream until it is started again: the others go on, and without
 * two of three nothing is taken, and nothing lost.
 */

const LOG = "DS_DATA_1";
const STREAM = "full/a";

diskTest(
  "with one disk full all goes on, with two all is refused for now until there is room again",
  { diskBytes: 128 * 2 ** 20, isLong: true },
  (on) =>
    underLoad(on.frontEnds, "full", async () => {
      const { cluster, frontEnds, disks } = on;
      const leader = await cluster.leaderOf(LOG);
      await fill(on, leader);
      for (let index = 0; index < frontEnds.count; index++) await getsOn(on, index);
      await fill(on, (leader + 1) % disks.length);
      for (let index = 0; index < frontEnds.count; index++) {
        await refusedForNow(frontEnds, index, STREAM);
      }
      for (const full of [leader, (leader + 1) % disks.length]) {
        disks[full]?.free();
        await cluster.server(full).stop();
        cluster.server(full).start();
      }
      await cluster.ready();
    }),
);

/** Fills a server's disk, and waits until it has noticed: the load writes to it. */
async function fill({ cluster, disks }: ClusterOnDisks, index: number): Promise<void> {
  disks[index]?.fill();
  const server = cluster.server(index);
  await until(
    () => server.log().includes("JetStream out of resources, will be DISABLED"),
    () => server.log(),
  );
}

/** A front end appends, once the log has a leader with room. */
async function getsOn({ frontEnds }: ClusterOnDisks, index: number): Promise<void> {
  const headers = { "content-type": "text/plain" };
  await until(async () => {
    const init = { method: "PUT", headers, body: "x" };
    const response = await frontEnds.fetchFrom(index, `full/of-${index}`, init);
    await response.body?.cancel();
    if (response.status === 503) return false;
    equal(Math.floor(response.status / 100), 2);
    return true;
  }, () => `front end ${index} gets on`);
}
