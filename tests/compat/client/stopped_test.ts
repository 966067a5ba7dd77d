import { deepEqual, equal, ok } from "node:assert/strict";
import {
  DurableStream,
  IdempotentProducer,
  SequenceGapError,
  stream,
} from "@durable-streams/client";
import { RecordingFetch } from "../recording_fetch.ts";
import { COMPAT_TARGETS, compatTest, sharedServer } from "../targets.ts";

/** A reader stops the official client's producer by closing the stream. */

for (const target of COMPAT_TARGETS) {
  const server = sharedServer(target);

  compatTest(
    target,
    "a producer whose stream a reader closed fails, and asks no more",
    async () => {
      const handle = await DurableStream.create({
        url: server.streamUrl(),
        contentType: "application/json",
      });
      const wire = new RecordingFetch();
      const errors: Error[] = [];
      const producer = new IdempotentProducer(handle, "p", {
        maxBatchBytes: 1,
        fetch: wire.fetch,
        onError: (error: Error) => {
          errors.push(error);
        },
      });
      producer.append("1");
      await producer.flush();
      await handle.close();
      for (const n of [2, 3, 4]) producer.append(String(n));
      await producer.flush();
      equal(errors.length, 3);
      ok(errors.every((error) => error instanceof SequenceGapError), String(errors));
      // Each batch once, and once more those that came before the first one's refusal.
      ok(wire.exchanges.length <= 7, `${wire.exchanges.length} requests`);
      deepEqual(await (await stream({ url: handle.url, live: false })).json(), [1]);
    },
  );
}
