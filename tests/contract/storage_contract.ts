import { describeAppends } from "./appends.ts";
import { describeExpiry, describeSliding } from "./expiry.ts";
import { describeForks } from "./forks.ts";
import { type Kit, type KitOptions, type OpenKit, Streams } from "./kit.ts";
import { describeLife } from "./life.ts";
import { describeProducers } from "./producers.ts";
import { describeReads } from "./reads.ts";
import { describeWatching } from "./watching.ts";

/** What a test of the contract gets. */
export interface Subject extends Kit {
  streams: Streams;
}

/** Registers one test of the contract. */
export type It = (
  name: string,
  run: (subject: Subject) => Promise<void>,
  options?: KitOptions,
) => void;

/**
 * What any storage has to do, as tests.
 *
 * @param open makes an empty one
 * @param traits `killed`: a kill counts as a use of what it met, so that a sliding stream may live longer
 */
export function describeStorage(
  name: string,
  open: OpenKit,
  traits: { killed?: boolean } = {},
): void {
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
  describeLife(it);
  describeAppends(it);
  describeProducers(it);
  describeReads(it);
  describeForks(it);
  describeExpiry(it);
  if (traits.killed !== true) describeSliding(it);
  describeWatching(it);
}
