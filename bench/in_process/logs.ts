import { connectJetStream } from "../../src/storage/nats/connection/nats_jetstream.ts";
import { appendsOverheadBytes } from "../../src/storage/nats/format/message.ts";
import type { JetStream } from "../../src/storage/nats/jetstream.ts";
import { sleep } from "../generator/figures.ts";
import type { AppenderParts, AppendLoad } from "./load.ts";

const REACHABLE_TRIES = 100;
const REACHABLE_STEP_MILLIS = 20;
const LATE_MILLIS = 200;

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

/**
 * Publishes a message to each log until that goes well: a connection's server may learn of a log a little after
 * it was made.
 */
export async function untilReachable(
  places: readonly Place[],
  publish: (subject: string) => Promise<void>,
): Promise<void> {
  const subjects = new Map(places.map(({ log, subject }) => [log, `${subject}-first`]));
  for (const subject of subjects.values()) {
    for (let tries = 0;; tries++) {
      try {
        await Promise.race([publish(subject), late()]);
        break;
      } catch (error) {
        if (tries === REACHABLE_TRIES) throw error;
        await sleep(REACHABLE_STEP_MILLIS);
      }
    }
  }
}

/** A server that knows of nobody who takes a message leaves a bare client without an answer. */
async function late(): Promise<never> {
  await sleep(LATE_MILLIS);
  throw new Error("no answer");
}
