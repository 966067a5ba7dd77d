import { connectJetStream } from "../../src/storage/nats/connection/nats_jetstream.ts";
import { appendsOverheadBytes } from "../../src/storage/nats/format/message.ts";
import type { JetStream } from "../../src/storage/nats/jetstream.ts";
import type { AppenderParts, AppendLoad } from "./load.ts";

/** A subject, and the log that it belongs to. */
export interface Place {
  readonly log: string;
  readonly subject: string;
}

/**
 * Makes logs as the storage's own for streams are, one a server.
 *
 * @returns the connection by which they were made, and a subject for each stream, the logs in turn
 */
export async function makeLogs(
  { urls, load }: AppenderParts,
): Promise<{ jetStream: JetStream; places: readonly Place[] }> {
  const jetStream = await connectJetStream({ servers: urls });
  const count = urls.length;
  for (let k = 1; k <= count; k++) {
    await jetStream.ensureLog({
      name: `BENCH_${k}`,
      subjects: [`bench.${k}.>`],
      replicas: count,
      isWatched: true,
    });
  }
  const run = crypto.randomUUID().slice(0, 8);
  const places = Array.from({ length: load.streams }, (_, index) => {
    const k = 1 + index % count;
    return { log: `BENCH_${k}`, subject: `bench.${k}.${run}${index}` };
  });
  return { jetStream, places };
}

/** A message as large as the storage's of so many appends. */
export function groupOf({ group, appendBytes }: AppendLoad): Uint8Array<ArrayBuffer> {
  const heads = Array.from(
    { length: group },
    () => ({ producer: undefined, seq: undefined, close: false }),
  );
  return new Uint8Array(appendsOverheadBytes(heads) + group * appendBytes);
}
