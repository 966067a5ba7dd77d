import { describeAppends } from "./appends.ts";
import { describeDescriptions } from "./descriptions.ts";
import { describeExpiry, describeSliding } from "./expiry.ts";
import { describeForks } from "./forks.ts";
import { type It, type OpenKit, Streams } from "./kit.ts";
import { describeLifecycle } from "./lifecycle.ts";
import { describeListing, describeListingOfSliding } from "./listing.ts";
import { describeOffsets } from "./offsets.ts";
import { describeMessageCounts } from "./message_counts.ts";
import { describeNoCompaction, describeRetention } from "./retention.ts";
import { describeTrimming } from "./trimming.ts";
import { describeReadPositions } from "./read_positions.ts";
import { describeProducers } from "./producers.ts";
import { describeReads } from "./reads.ts";
import { describeSnapshots, describeTrimmedToSnapshot } from "./snapshots.ts";
import { describeWatching } from "./watching.ts";

/** A kill counts as a use of what it met, so that a sliding stream may live longer than asked. */
export type Parts = "all" | "but sliding" | "sliding";

/** What any storage has to do, as tests; `open` makes an empty one. */
export function describeStorage(name: string, open: OpenKit, parts: Parts = "all"): void {
  const it: It = (title, run, options = {}) => {
    Deno.test(`${name}: ${title}`, async () => {
      const kit = await open(options);
      try {
        await run({ ...kit, streams: new Streams(kit.storage) });
      } finally {
        await kit.dispose();
      }
    });
  };
  if (parts !== "but sliding") {
    describeSliding(it);
    describeListingOfSliding(it);
  }
  if (parts === "sliding") return;
  describeLifecycle(it);
  describeAppends(it);
  describeProducers(it);
  describeReads(it);
  describeOffsets(it);
  describeReadPositions(it);
  describeMessageCounts(it);
  describeSnapshots(it);
  describeTrimming(it);
  describeTrimmedToSnapshot(it);
  describeRetention(it);
  if (name.startsWith("nats")) describeNoCompaction(it);
  describeListing(it);
  describeDescriptions(it);
  describeForks(it);
  describeExpiry(it);
  describeWatching(it);
}
