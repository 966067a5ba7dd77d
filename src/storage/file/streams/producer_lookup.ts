import type { ProducerState } from "../../../protocol/errors.ts";
import { copyString } from "../../copy_string.ts";
import { sortedProducers } from "../../describe.ts";
import type { ProducerBatch } from "../../records.ts";
import type { Stream } from "../../stream.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { isDamage } from "../directory/damage.ts";

/** Up to so many producers of a stream are loaded together. */
const FEW_PRODUCERS = 32;

/** Where there are more, only those that are in memory are listed: all rows would be read for it. */
const LISTED_LIMIT = 20_000;

type Lookups = Pick<Catalog, "producer" | "producers">;

/** The first of a stream's producers by their ids: the rows', and what these lack. */
export function listProducers(
  catalog: Lookups,
  stream: Stream,
  limit: number,
): ProducerBatch[] {
  const all = new Map<string, ProducerState>();
  const { producerCount, loadedProducers } = stream;
  if (loadedProducers < producerCount && producerCount <= LISTED_LIMIT) {
    for (const { producerId, epoch, seq } of catalog.producers(stream.id)) {
      all.set(producerId, { epoch, seq });
    }
  }
  for (const [id, state] of stream.producers) all.set(id, state);
  return sortedProducers(all, limit);
}

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
