import { deepEqual, equal } from "node:assert/strict";
import { answerFetch } from "../../page_globals.ts";
import { LookSession } from "../../../../src/page/views/look/look_session.ts";
import { Fixture, JSON_TYPE, TEXT } from "../../../support/fixture.ts";

/** Resolves once a session has read what there is at first. */
function hasRead(session: LookSession): Promise<void> {
  return new Promise((resolve) => {
    const stop = session.arrived.subscribe((count) => {
      if (count === 0) return;
      queueMicrotask(() => stop());
      resolve();
    });
  });
}

Deno.test("a stream's tail is its own, and not where reading has come to", async () => {
  const served = new Fixture({ page: true, chunkBytes: 4096 });
  const messages = Array.from({ length: 10_000 }, () => "0123456789");
  const tail = await served.make("a", JSON_TYPE, JSON.stringify(messages));
  answerFetch(async (request) => await served.app.fetch(request));
  const session = new LookSession("a");
  await session.open({ offset: "-1" });
  await hasRead(session);
  equal(session.next.value < tail, true);
  equal(session.tail, tail);
  session.close();
});

Deno.test("a stream that was made again is looked at as what it is now", async () => {
  const served = new Fixture({ page: true });
  await served.make("a", JSON_TYPE, "[1]");
  answerFetch(async (request) => await served.app.fetch(request));
  const session = new LookSession("a");
  await session.open(undefined);
  await hasRead(session);
  await served.delete("a");
  await served.make("a", TEXT, "text");
  await session.open({ offset: "-1" });
  equal(session.content, "text");
  session.close();
});

Deno.test("a stream that is opened while its server is away is read once it is back", async () => {
  const served = new Fixture({ page: true });
  await served.make("a", JSON_TYPE, "[1,2,3]");
  let tries = 0;
  answerFetch(async (request) => {
    if (++tries === 1) return new Response("", { status: 503 });
    return await served.app.fetch(request);
  });
  const session = new LookSession("a");
  const opened = session.open(undefined);
  const states: string[] = [];
  session.state.subscribe(({ kind }) => states.push(kind));
  await opened;
  await hasRead(session);
  deepEqual(states.slice(0, 2), ["connecting", "retrying"]);
  equal(session.ring.size, 3);
  session.close();
});

Deno.test("whoever goes elsewhere before it is known what a stream is reads it once, from there", async () => {
  const served = new Fixture({ page: true });
  await served.make("a", JSON_TYPE, "[1,2,3]");
  const reads: string[] = [];
  answerFetch(async (request) => {
    const url = new URL(request.url);
    if (url.searchParams.has("live")) reads.push(url.search);
    return await served.app.fetch(request);
  });
  const session = new LookSession("a");
  const opened = session.open(undefined);
  session.jump({ offset: "-1" });
  await opened;
  await hasRead(session);
  deepEqual([reads, session.ring.size], [["?offset=-1&live=sse"], 3]);
  session.close();
});
