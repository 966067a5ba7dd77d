import type { ProducerState } from "../../../protocol/errors.ts";
import { copyString } from "../../copy_string.ts";
import type { Stream } from "../../stream.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { isDamage } from "../directory/damage.ts";

/** Up to so many producers of a stream are loaded together. */
const FEW_PRODUCERS = 32;

type Lookups = Pick<Catalog, "producer" | "producers">;

/** A producer's newest state; afterwards it is in `stream.producers` if there is one. */
export function findProducer(
  catalog: Lookups,
  stream: Stream,
  id: string,
): ProducerState | undefined {
  const known = stream.producers.get(id);
  if (known !== undefined) return known;
  const { producerCount } = stream;
  if (stream.loadedProducers === 0 && producerCount > 0 && producerCount <= FEW_PRODUCERS) {
    loadAll(catalog, stream);
  }
  // Where all are in memory, one that isn't there is new.
  if (stream.loadedProducers === producerCount) return stream.producers.get(id);
  const stored = catalog.producer(stream.id, id);
  if (stored === undefined) return undefined;
  const state = { epoch: stored.epoch, seq: stored.seq };
  stream.producers.set(copyString(id), state);
  return state;
}

/** All of them cost little more than one, and then no new one is looked for in vain. */
function loadAll(catalog: Lookups, stream: Stream): void {
  try {
    for (const { producerId, epoch, seq } of catalog.producers(stream.id)) {
      stream.producers.set(producerId, { epoch, seq });
    }
  } catch (error) {
    // One of them is damaged: the others can be looked up by themselves.
    if (!isDamage(error)) throw error;
  }
}
