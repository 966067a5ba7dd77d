import { spaceAt } from "../../../../src/protocol/offset.ts";
import { decodeMessage } from "../../../../src/storage/nats/format/message.ts";
import type { Storage, StreamChange } from "../../../../src/storage/storage.ts";
import { FrontEnds } from "../../../support/nats/front_ends.ts";

/** Longer than what was trimmed stays in the log. */
export const FREED_MS = 125_000;
/** Longer than from one walk to the next one. */
export const WALKED_MS = 2 * 3_600_000;

/** Registers a test on front ends of a made-up cluster. */
export function it(
  name: string,
  run: (frontEnds: FrontEnds) => Promise<void>,
  options: ConstructorParameters<typeof FrontEnds>[0] = {},
): void {
  Deno.test(`nats: ${name}`, async () => {
    const frontEnds = new FrontEnds(options);
    try {
      await run(frontEnds);
    } finally {
      await frontEnds.dispose();
    }
  });
}

/** Changes a stream; where it begins then. */
export async function update(
  storage: Storage,
  name: string,
  change: StreamChange,
): Promise<number> {
  if (storage.update === undefined) throw new Error("It keeps all of every stream.");
  return (await storage.update(name, change)).earliest;
}

/** The bytes from an offset on that a client names. */
export async function textFrom(storage: Storage, name: string, position: number): Promise<string> {
  const { space } = await storage.head(name);
  const { data } = await storage.read(name, { space: spaceAt(space, position), position }, 1e9);
  return new TextDecoder().decode(data);
}

/** What the log has of a stream: its messages' kinds, and where each begins. */
export async function logged({ cluster, clock }: FrontEnds, storage: Storage, name: string) {
  const { id } = await storage.head(name);
  const found = [];
  for (let shard = 1, log; (log = cluster.log(`DS_DATA_${shard}`)) !== undefined; shard++) {
    for (const { payload, sequence } of log.leader.from(`ds.d.${shard}.${id}`, 1, clock.nowMs())) {
      const { kind, start } = decodeMessage(payload);
      found.push({ kind, start, sequence });
    }
  }
  return found;
}

/** Where the first message begins that the log has of a stream. */
export async function firstLogged(
  frontEnds: FrontEnds,
  storage: Storage,
  name: string,
): Promise<number | undefined> {
  return (await logged(frontEnds, storage, name))[0]?.start;
}
