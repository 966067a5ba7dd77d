import { deepEqual, equal } from "node:assert/strict";
import { createApp } from "../../../src/server/app.ts";
import { FrontEnds } from "../../support/nats/front_ends.ts";
import { LiveFeed, messagesOf } from "../../server/live/live_kit.ts";

Deno.test("nats: a connection follows what other front ends append, and the streams that they make", async () => {
  const frontEnds = new FrontEnds({});
  try {
    const apps = [];
    for (let i = 0; i < 2; i++) {
      const { storage } = await frontEnds.open();
      apps.push(createApp({ storage, clock: frontEnds.clock, listing: true, livePaceMs: 0 }));
    }
    const [here, other] = apps;
    const send = async (method: string, name: string, body?: string) => {
      const headers = { "content-type": "application/json" };
      const answer = await other?.request(`/v1/stream/${name}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
      });
      equal(answer?.ok, true);
    };
    await send("PUT", "jobs/1");
    const answer = await here?.request("/v1/stream/__ds/live?pattern=jobs/**@now");
    if (answer === undefined) throw new Error("No answer came.");
    const feed = new LiveFeed(answer);
    await feed.upTo(({ type, head }) => type === "set" && head.added.length === 1);
    await send("POST", "jobs/1", "[1]");
    deepEqual(messagesOf(await feed.upTo(({ type }) => type === "data")), { "jobs/1": [1] });
    await send("PUT", "jobs/2", "[2]");
    frontEnds.clock.advance(1_000);
    deepEqual(messagesOf(await feed.upTo(({ type }) => type === "data")), { "jobs/2": [2] });
    await feed.cancel();
  } finally {
    await frontEnds.dispose();
  }
});
