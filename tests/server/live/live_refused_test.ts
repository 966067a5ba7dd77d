import { deepEqual, equal, ok } from "node:assert/strict";
import { StreamError } from "../../../src/protocol/errors.ts";
import { CLOSE, Fixture, JSON_TYPE, settle } from "../../support/fixture.ts";
import { LiveFeed, messagesOf } from "./live_kit.ts";

/** Streams that a connection by GET can't follow for now, and later can. */

const QUERY = "stream=b@-1&stream=c@-1";

/** A server that follows two streams in all, and one of them already. */
async function fullServer(): Promise<{ served: Fixture; other: LiveFeed }> {
  const served = new Fixture({ maxFollowedStreams: 2 });
  for (const name of ["a", "b", "c"]) await served.make(name, JSON_TYPE, JSON.stringify([name]));
  const other = await LiveFeed.get(served, "stream=a@-1");
  await other.upTo(({ type }) => type === "control");
  return { served, other };
}

Deno.test("a stream that a full server refuses by 503 hasn't ended: whoever comes back has it", async () => {
  const { served, other } = await fullServer();
  const feed = await LiveFeed.get(served, QUERY);
  const events = await feed.upTo(({ type, head }) => type === "control" && head.upToDate);
  deepEqual(messagesOf(events), { b: ["b"] });
  equal(events.find(({ type }) => type === "error")?.head.status, 503);
  const id = events.at(-1)?.id ?? "";
  await feed.cancel();
  await other.cancel();
  const again = await LiveFeed.get(served, QUERY, { "last-event-id": id });
  const rest = await again.upTo(({ type, head }) => type === "control" && head.upToDate);
  deepEqual(messagesOf(rest), { c: ["c"] });
  await again.cancel();
});

Deno.test("where all of a request's streams are refused by 503 it ends, and isn't over", async () => {
  const { served, other } = await fullServer();
  const second = await LiveFeed.get(served, "stream=b@-1");
  await second.upTo(({ type }) => type === "control");
  const feed = await LiveFeed.get(served, "stream=c@-1");
  const id = (await feed.rest()).at(-1)?.id ?? "";
  ok(id !== "");
  await other.cancel();
  await second.cancel();
  const again = await LiveFeed.get(served, "stream=c@-1", { "last-event-id": id });
  await served.append("c", CLOSE, undefined);
  deepEqual(messagesOf(await again.rest()), { c: ["c"] });
});

Deno.test("a connection by GET ends sooner where something was refused for now, so that its client comes back", async () => {
  const { served, other } = await fullServer();
  const feed = await LiveFeed.get(served, QUERY);
  const rest = feed.rest();
  for (let i = 0; i < 35; i++) {
    await settle();
    served.clock.advance(1_000);
  }
  equal((await rest).at(-1)?.type, "control");
  await other.cancel();
});

Deno.test("a pattern's stream that can't be read for now goes on where it was once its client comes back", async () => {
  const served = new Fixture({ listing: true });
  await served.make("a", JSON_TYPE, '["old"]');
  const feed = await LiveFeed.get(served, "pattern=*@now");
  await feed.upTo(({ type, head }) => type === "control" && head.upToDate);
  const { read } = served.storage;
  served.storage.read = () =>
    Promise.reject(new StreamError({ code: "too_many_readers" }, "Not for now."));
  await served.append("a", JSON_TYPE, '["new"]');
  const events = await feed.upTo(({ type }) => type === "control");
  equal(events[0]?.head.status, 503);
  served.storage.read = read;
  await feed.cancel();
  const id = events.at(-1)?.id ?? "";
  const again = await LiveFeed.get(served, "pattern=*@now", { "last-event-id": id });
  deepEqual(messagesOf(await again.upTo(({ type }) => type === "data")), { a: ["new"] });
  await again.cancel();
});
