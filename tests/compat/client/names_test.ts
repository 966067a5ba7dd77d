import { deepEqual, equal } from "node:assert/strict";
import { DurableStream, stream } from "@durable-streams/client";
import { OFFSET } from "../../support/offset.ts";
import { COMPAT_TARGETS, compatTest, sharedServer } from "../targets.ts";

/** The URLs that clients make of a name: one encoded segment, slashes, the plural path. */

for (const target of COMPAT_TARGETS) {
  const server = sharedServer(target);

  compatTest(
    target,
    "an encoded name, one with slashes and the plural path are one stream",
    async () => {
      const slashes = server.streamUrl();
      const { pathname } = new URL(slashes);
      const name = pathname.replace("/v1/stream/", "");
      const encoded = new URL(`/v1/stream/${encodeURIComponent(name)}`, slashes).href;
      const plural = new URL(`/v1/streams/${name}`, slashes).href;
      await DurableStream.create({ url: encoded, contentType: "application/json", body: "[1]" });
      const spellings = [slashes, encoded, plural];
      for (const url of spellings) {
        const handle = await DurableStream.connect({ url });
        await handle.append("2");
      }
      for (const url of spellings) {
        for (const live of [true, "sse"] as const) {
          deepEqual(await (await stream({ url, live })).json(), [1, 2, 2, 2]);
        }
      }
      await DurableStream.delete({ url: plural });
      equal((await DurableStream.head({ url: slashes })).exists, false);
    },
  );

  compatTest(target, "a name of any characters that are encoded is found again", async () => {
    const url = `${server.streamUrl()}/${encodeURIComponent("wörld 🌍?#%&+=a b")}`;
    await DurableStream.create({ url, contentType: "text/plain", body: "x" });
    equal(await (await stream({ url, live: false })).text(), "x");
  });

  compatTest(
    target,
    "offsets are one token, so that a client may take its parts as it likes",
    async () => {
      const handle = await DurableStream.create({
        url: server.streamUrl(),
        contentType: "application/json",
      });
      for (const n of [1, 2, 3]) await handle.append(String(n));
      for (const live of [false, "long-poll", "sse"] as const) {
        const answer = await stream({ url: handle.url, live });
        await answer.json();
        equal(OFFSET.test(answer.offset), true);
        answer.cancel();
      }
    },
  );
}
