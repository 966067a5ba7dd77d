import { deepEqual, equal } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { natsTest } from "../support/nats/find_nats_server.ts";
import { AnswerProxy } from "../support/nats/answer_proxy.ts";
import { NatsCluster } from "../support/nats/nats_cluster.ts";
import { FrontEnds } from "./front_ends.ts";
import { refusedForNow, underLoad } from "./load.ts";

/**
 * What goes wrong in a cluster of three servers, one thing after the other, under load: nothing that was
 * acknowledged is lost, nothing is there twice, and all go on once it is over.
 */

const LOG = "DS_DATA_1";
const STANDSTILLS = 10;
const WRITES_MEANWHILE = 20;
const BODY_BYTES = 100_000;
/** Several messages, whatever the servers take. */
const SNAPSHOT_BYTES = 3_500_000;

let shared: Promise<{ cluster: NatsCluster; frontEnds: FrontEnds }> | undefined;

async function start(): Promise<{ cluster: NatsCluster; frontEnds: FrontEnds }> {
  const cluster = await NatsCluster.start({ servers: 3 });
  try {
    return { cluster, frontEnds: await FrontEnds.start(cluster, ["--shards", "1"]) };
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

Deno.test.afterAll(async () => {
  const started = await shared?.catch(() => undefined);
  await started?.frontEnds[Symbol.asyncDispose]();
  await started?.cluster[Symbol.asyncDispose]();
});

/** A test on the one cluster of this file, which is well at its beginning. */
function faultTest(
  name: string,
  run: (cluster: NatsCluster, frontEnds: FrontEnds, id: string) => Promise<void>,
): void {
  natsTest(name, async () => {
    const { cluster, frontEnds } = await (shared ??= start());
    await cluster.ready();
    await run(cluster, frontEnds, `test-${crypto.randomUUID().slice(0, 8)}`);
  });
}

faultTest(
  "what was acknowledged is read at once by who asks a follower that is behind",
  async (cluster, _, id) => {
    const stream = `${id}/fresh`;
    const headers = { "content-type": "text/plain" };
    const leader = await cluster.leaderOf(LOG);
    const follower = cluster.server((leader + 1) % cluster.servers.length);
    // So much that the follower takes a while to get it.
    const body = new Uint8Array(BODY_BYTES);
    // Of the replicas a server asks its own first.
    const flags = ["--shards", "1"];
    await using ahead = await FrontEnds.start({ urls: [cluster.server(leader).url] }, flags);
    await using behind = await FrontEnds.start({ urls: [follower.url] }, flags);
    await (await ahead.fetchFrom(0, stream, { method: "PUT", headers })).body?.cancel();
    for (let round = 0; round < STANDSTILLS; round++) {
      follower.pause();
      let newest: string | null = null;
      for (let write = 0; write < WRITES_MEANWHILE; write++) {
        const init = { method: "POST", headers, body };
        const written = await ahead.fetchFrom(0, stream, init);
        equal(written.status, 204);
        newest = written.headers.get("stream-next-offset");
      }
      const reading = behind.fetchFrom(round % behind.count, stream, { method: "HEAD" });
      await sleep(20);
      follower.resume();
      const read = await reading;
      equal(read.status, 200);
      equal(read.headers.get("stream-next-offset"), newest);
    }
  },
);

faultTest(
  "the leader is killed again and again",
  (cluster, frontEnds, id) =>
    underLoad(frontEnds, id, async () => {
      for (let kill = 0; kill < 2; kill++) {
        const leader = cluster.server(await cluster.leaderOf(LOG));
        await leader.kill();
        await sleep(500);
        leader.start();
        await cluster.ready();
      }
    }),
);

faultTest(
  "connections break before the answers to what was stored have come",
  async (cluster, _, id) => {
    await using proxy = await AnswerProxy.start(cluster.server(0).config);
    await using frontEnds = await FrontEnds.start({ urls: [proxy.url] }, ["--shards", "1"]);
    await underLoad(frontEnds, id, async () => {
      for (let cut = 0; cut < 3; cut++) {
        await proxy.loseAnswers(100);
        await sleep(1_000);
      }
    });
  },
);

faultTest(
  "without two of three all is refused for now, and goes on afterwards",
  (cluster, frontEnds, id) =>
    underLoad(frontEnds, id, async () => {
      const dead = [cluster.server(0), cluster.server(1)];
      await Promise.all(dead.map((server) => server.kill()));
      for (let index = 0; index < frontEnds.count; index++) {
        await refusedForNow(frontEnds, index, `${id}/a`);
        const read = await frontEnds.fetchFrom(index, `${id}/a?offset=-1`);
        await read.body?.cancel();
        equal(read.status, 503);
        const ready = await frontEnds.tell(index, "/health/ready");
        equal(ready.status, 503, await ready.text());
      }
      for (const server of dead) server.start();
      await cluster.ready();
    }),
);

faultTest(
  "all three are killed at once",
  (cluster, frontEnds, id) =>
    underLoad(frontEnds, id, async () => {
      await Promise.all(cluster.servers.map((server) => server.kill()));
      for (const server of cluster.servers) server.start();
      await cluster.ready();
    }),
);

faultTest(
  "a leader stands still, and comes back with what it believed",
  (cluster, frontEnds, id) =>
    underLoad(frontEnds, id, async () => {
      const leader = cluster.server(await cluster.leaderOf(LOG));
      leader.pause();
      await cluster.leaderOf(LOG);
      await sleep(2_000);
      leader.resume();
      await cluster.ready();
    }),
);

faultTest(
  "a front end is killed in the middle of appends, which go on at the other",
  (_, frontEnds, id) =>
    underLoad(frontEnds, id, async () => {
      for (const index of [0, 1, 0, 1]) {
        await frontEnds.kill(index);
        await sleep(200);
        await frontEnds.restart(index);
        await sleep(200);
      }
    }),
);

faultTest(
  "a front end is killed while it keeps snapshots: the other has one, whole, and not an older one",
  async (_, frontEnds, id) => {
    const stream = `${id}/snapshots`;
    const headers = { "content-type": "text/plain" };
    await (await frontEnds.fetchFrom(1, stream, { method: "PUT", headers })).body?.cancel();
    for (let kill = 0; kill < 2; kill++) {
      let kept = 0;
      let isKilled = false;
      const keeping = (async () => {
        for (let number = 1; !isKilled; number++) {
          const type = { "content-type": `a/${number}`, "stream-snapshot-offset": "-1" };
          const body = new Uint8Array(SNAPSHOT_BYTES).fill(number);
          const init = { method: "PUT", headers: type, body };
          const answer = await frontEnds.fetchFrom(0, `${stream}?snapshot`, init);
          await answer.body?.cancel();
          if (answer.ok) kept = number;
        }
      })().catch(() => {});
      await sleep(700 + 150 * kill);
      isKilled = true;
      await frontEnds.kill(0);
      await keeping;
      const read = await frontEnds.fetchFrom(1, `${stream}?snapshot`);
      deepEqual([read.status, kept > 0], [200, true]);
      const number = Number(read.headers.get("content-type")?.slice(2));
      const body = new Uint8Array(await read.arrayBuffer());
      deepEqual([body.length, body.every((byte) => byte === number)], [SNAPSHOT_BYTES, true]);
      equal(
        number === kept || number === kept + 1,
        true,
        `${number} is there, and ${kept} was kept`,
      );
      await frontEnds.restart(0);
    }
  },
);

faultTest(
  "each server is restarted after the other, as for an upgrade",
  (cluster, frontEnds, id) =>
    underLoad(frontEnds, id, async () => {
      for (const server of cluster.servers) {
        await server.stop();
        server.start();
        await cluster.ready();
      }
    }),
);

faultTest(
  "a server's disk is wiped, and another one dies once it has caught up",
  (cluster, frontEnds, id) =>
    underLoad(frontEnds, id, async () => {
      const wiped = cluster.server(await cluster.leaderOf(LOG));
      await wiped.kill();
      wiped.wipe();
      wiped.start();
      await cluster.ready();
      const other = cluster.server(await cluster.leaderOf(LOG));
      await other.kill();
      await sleep(500);
      other.start();
      await cluster.ready();
    }),
);
