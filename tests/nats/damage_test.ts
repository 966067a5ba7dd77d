import { equal, match, ok } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "@nats-io/transport-node";
import { attempt } from "../kill/killed_server.ts";
import { natsTest } from "../support/nats/find_nats_server.ts";
import { NatsCluster } from "../support/nats/nats_cluster.ts";
import type { NatsServer } from "../support/nats/nats_server.ts";
import { until } from "../support/until.ts";
import { FrontEnds } from "./front_ends.ts";
import { textOf } from "./load.ts";

/** One bit of a stored message is flipped in one server's files: what is read is whole, or an error. */

const LOG = "DS_DATA_1";
const STREAM = "damaged/a";
const MESSAGES = 60;
const READS = 6;

for (const who of ["a follower", "the leader"]) {
  natsTest(
    `with a flipped bit in a block of ${who} no read is shorter, or other than written`,
    async () => {
      await using cluster = await NatsCluster.start({ servers: 3 });
      const written = await writeAll(cluster);
      const leader = await cluster.leaderOf(LOG);
      const damaged = cluster.server((leader + 1) % 3);
      await damaged.stop();
      flipBit(damaged, "<30>");
      damaged.start();
      await cluster.ready();
      if (who === "the leader") await makeLeader(cluster, damaged);
      // Front ends that have nothing of it in memory.
      await using frontEnds = await FrontEnds.start(cluster, ["--shards", "1"]);
      let whole = 0;
      for (let read = 0; read < READS * frontEnds.count; read++) {
        const text = await textOf(frontEnds, read % frontEnds.count, STREAM);
        if (text === undefined) continue;
        equal(text, written);
        whole++;
      }
      console.log(`${whole} of ${READS * frontEnds.count} reads were whole, the others an error`);
      ok(whole > 0, "two servers have all of it");
      // What is appended now goes behind what was there, or nowhere.
      const more = await attempt(frontEnds, STREAM, {
        method: "POST",
        headers: TEXT,
        body: "more",
      });
      for (let index = 0; index < frontEnds.count; index++) {
        const text = await textOf(frontEnds, index, STREAM);
        if (text !== undefined) equal(text, more === undefined ? written : `${written}more`);
      }
    },
  );
}

natsTest(
  "where somebody has removed messages from a log their stream is damaged, not shorter",
  async () => {
    await using cluster = await NatsCluster.start({ servers: 3 });
    await writeAll(cluster);
    await removeMessages(cluster, MESSAGES / 2);
    await using frontEnds = await FrontEnds.start(cluster, ["--shards", "1"]);
    for (let index = 0; index < frontEnds.count; index++) {
      const response = await frontEnds.fetchFrom(index, `${STREAM}?offset=-1`);
      equal(response.status, 500);
      match(await response.text(), /"code":"damaged"/);
      // Nor does anything go behind the gap.
      const init = { method: "POST", headers: TEXT, body: "more" };
      const append = await frontEnds.fetchFrom(index, STREAM, init);
      await append.body?.cancel();
      equal(append.status, 500);
    }
  },
);

const TEXT = { "content-type": "text/plain" };

/** Removes the first messages of the stream, from all replicas: a purge is all that a log of ours allows. */
async function removeMessages(cluster: NatsCluster, sequence: number): Promise<void> {
  const connection = await connect({ servers: cluster.urls });
  try {
    const request = JSON.stringify({ filter: "ds.d.1.>", seq: sequence });
    const answer = await connection.request(`$JS.API.STREAM.PURGE.${LOG}`, request);
    match(answer.string(), /"success":true,"purged":[1-9]/);
  } finally {
    await connection.close();
  }
}

/** Appends message after message; the whole stream. */
async function writeAll(cluster: NatsCluster): Promise<string> {
  await using frontEnds = await FrontEnds.start(cluster, ["--shards", "1"]);
  let written = "";
  equal((await attempt(frontEnds, STREAM, { method: "PUT", headers: TEXT }))?.status, 201);
  for (let message = 0; message < MESSAGES; message++) {
    const body = `<${message}> ${"text ".repeat(40)}\n`;
    const init = { method: "POST", headers: TEXT, body };
    equal((await attempt(frontEnds, STREAM, init))?.status, 204);
    written += body;
  }
  return written;
}

/** In the first place in its blocks that has the text. */
function flipBit({ storeDir }: NatsServer, text: string): void {
  for (const entry of readdirSync(storeDir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".blk")) continue;
    const path = join(entry.parentPath, entry.name);
    if (!path.includes(LOG)) continue;
    const bytes = readFileSync(path);
    const at = bytes.indexOf(Buffer.from(text));
    if (at < 0) continue;
    bytes[at + 1] = (bytes[at + 1] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    return;
  }
  throw new Error(`No block has ${text}.`);
}

/** Has that server lead the log. */
async function makeLeader(cluster: NatsCluster, server: NatsServer): Promise<void> {
  const { config: { name }, url } = server;
  const connection = await connect({ servers: url });
  let answer = "";
  try {
    await until(async () => {
      if (cluster.server(await cluster.leaderOf(LOG)).config.name === name) return true;
      const request = JSON.stringify({ placement: { preferred: name } });
      answer = (await connection.request(`$JS.API.STREAM.LEADER.STEPDOWN.${LOG}`, request))
        .string();
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      return false;
    }, () => `${name} doesn't lead ${LOG}: ${answer}\n${server.log()}`);
  } finally {
    await connection.close();
  }
}
