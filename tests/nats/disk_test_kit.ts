import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { natsTest } from "../support/nats/find_nats_server.ts";
import { LoopDisk } from "../support/nats/loop_disk.ts";
import { NatsCluster } from "../support/nats/nats_cluster.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { FrontEnds } from "./front_ends.ts";

/** Three servers, each with a disk of its own, and two front ends. */
export interface ClusterOnDisks {
  readonly cluster: NatsCluster;
  readonly frontEnds: FrontEnds;
  readonly disks: readonly LoopDisk[];
}

/** A test on servers that have disks of their own; skipped where the machine doesn't let it make them. */
export function diskTest(
  name: string,
  options: {
    readonly diskBytes: number;
    readonly syncInterval?: string;
    /** It takes long: only with `NATS_TESTS=all`. */
    readonly isLong?: true;
  },
  run: (on: ClusterOnDisks) => Promise<void>,
): void {
  const isLeftOut = options.isLong === true && process.env["NATS_TESTS"] !== "all";
  const whyNot = isLeftOut ? "needs NATS_TESTS=all" : LoopDisk.whyNot();
  if (whyNot !== undefined) {
    Deno.test({ name: `${name} (skipped: ${whyNot})`, ignore: true, fn: () => {} });
    return;
  }
  natsTest(name, () =>
    withTempDir(async (dir) => {
      using stack = new DisposableStack();
      const disks = [0, 1, 2].map((index) => {
        const place = join(dir, `${index}`);
        mkdirSync(place);
        return stack.use(LoopDisk.make(place, options.diskBytes));
      });
      const { syncInterval } = options;
      await using cluster = await NatsCluster.start({
        servers: 3,
        storeDirs: disks.map((disk) => join(disk.dir, "store")),
        ...(syncInterval === undefined ? {} : { syncInterval }),
      });
      await using frontEnds = await FrontEnds.start(cluster, ["--shards", "1"]);
      await run({ cluster, frontEnds, disks });
    }));
}
