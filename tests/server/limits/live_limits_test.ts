import { equal, match, ok } from "node:assert/strict";
import type { ClientLimitOptions } from "../../../src/server/common/limit_options.ts";
import {
  type Fields,
  Fixture,
  type FixtureOptions,
  isPending,
  TEXT,
} from "../../support/fixture.ts";
import { SseConnection } from "../../support/sse_connection.ts";

const ALICE: Fields = { ...TEXT, "x-forwarded-for": "198.51.100.1" };
const BOB: Fields = { ...TEXT, "x-forwarded-for": "198.51.100.2" };

async function served(limits: ClientLimitOptions, options: FixtureOptions = {}): Promise<Fixture> {
  const fixture = new Fixture({ clientLimits: limits, trustProxy: true, ...options });
  await fixture.storage.create("a", { contentType: "text/plain" });
  return fixture;
}

async function follow(fixture: Fixture, headers: Fields): Promise<SseConnection> {
  const sse = new SseConnection(await fixture.get("a?offset=now&live=sse", headers));
  equal((await sse.frame()).control.upToDate, true);
  return sse;
}

function append(fixture: Fixture, text: string): Promise<unknown> {
  return fixture.storage.append("a", {
    contentType: "text/plain",
    body: new TextEncoder().encode(text),
  });
}

/** The next that is no comment. */
async function data(sse: SseConnection): Promise<string> {
  for (let chunk; (chunk = await sse.chunk()) !== undefined;) {
    if (!chunk.startsWith(":")) return chunk;
  }
  throw new Error("The connection has ended.");
}

Deno.test("what is pushed counts: beyond the client's rate its readers wait, and miss nothing", async () => {
  const fixture = await served({ bytes: { perSecond: 100, burst: 1000 } });
  const [alice, second, bob] = [
    await follow(fixture, ALICE),
    await follow(fixture, ALICE),
    await follow(fixture, BOB),
  ];
  await append(fixture, "x".repeat(2000));
  equal((await alice.frame()).data?.length, 2000);
  equal((await second.frame()).data?.length, 2000);
  equal((await bob.frame()).data?.length, 2000);
  // What Alice's two readers got is more than 4,000 bytes, and Bob's more than 2,000.
  equal((await fixture.get("a?offset=now", ALICE)).status, 429);
  await append(fixture, "y");
  await append(fixture, "z");
  const [held, other, bobs] = [data(alice), data(second), data(bob)];
  fixture.clock.advance(5_000);
  equal(await isPending(held), true);
  equal(await isPending(bobs), true);
  fixture.clock.advance(10_000);
  match(await bobs, /data:yz\n[^]*"upToDate":true/);
  equal(await isPending(held), true);
  fixture.clock.advance(30_000);
  match(await held, /data:yz\n[^]*"upToDate":true/);
  match(await other, /data:yz\n/);
  for (const each of [alice, second, bob]) await each.cancel();
});

Deno.test("a reader that is held is kept alive, and ends in time where it can be resumed from", async () => {
  const fixture = await served({ bytes: { perSecond: 1, burst: 1000 } });
  const sse = await follow(fixture, ALICE);
  await append(fixture, "x".repeat(2000));
  const { control } = await sse.frame();
  await append(fixture, "y");
  fixture.clock.advance(7_000);
  match(await sse.chunk() ?? "", /^:/);
  fixture.clock.advance(60_000);
  const rest = await sse.rest();
  ok(!rest.includes("data:"), rest);
  // Whoever comes back is told when, and then goes on where the control event said.
  equal((await fixture.get(`a?offset=${control.streamNextOffset}`, ALICE)).status, 429);
  fixture.clock.advance(3_600_000);
  const next = await fixture.get(`a?offset=${control.streamNextOffset}`, ALICE);
  equal(await next.text(), "y");
});
