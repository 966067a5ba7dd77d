import { setTimeout as sleep } from "node:timers/promises";
import { diskTest } from "./disk_test_kit.ts";
import { underLoad } from "./load.ts";

/**
 * Machines that lose their power at once: of the servers' files stays what was synced, and no more. (A kill
 * leaves all that a process has written.)
 */

diskTest(
  "with sync_interval: always nothing is lost as all three machines lose power at once",
  { diskBytes: 512 * 2 ** 20, syncInterval: "always" },
  ({ cluster, frontEnds, disks }) =>
    underLoad(frontEnds, "power", async () => {
      await sleep(1_000);
      // What runs on while the others' power goes would acknowledge what they lose.
      for (const server of cluster.servers) server.pause();
      for (const disk of disks) disk.cutPower();
      await Promise.all(cluster.servers.map((server) => server.kill()));
      for (const disk of disks) disk.restore();
      for (const server of cluster.servers) server.start();
      await cluster.ready();
    }),
);
