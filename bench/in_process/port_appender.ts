import { groupOf, makeLogs } from "./logs.ts";
import type { Appender, AppenderParts } from "./load.ts";

/** Publishes groups by what the storage publishes by, one a subject at once, each after the one before it. */
export async function portAppender(parts: AppenderParts): Promise<Appender> {
  const { jetStream, places } = await makeLogs(parts);
  const payload = groupOf(parts.load);
  const sequences = new Float64Array(places.length);
  let messages = 0;
  return {
    appendsPerCall: parts.load.group,
    calls: places.length,
    async append(index) {
      const place = places[index];
      if (place === undefined) throw new RangeError(`no subject ${index}`);
      const expectedSequence = sequences[index] ?? 0;
      const outcome = await jetStream.publish({ ...place, payload, expectedSequence });
      if (outcome.kind !== "stored") throw new Error(`a publish is ${outcome.kind}`);
      sequences[index] = outcome.sequence;
      messages++;
    },
    messages: () => messages,
    close: () => jetStream.close(),
  };
}
