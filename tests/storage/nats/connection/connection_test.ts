import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { createConnection } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Clock, systemClock } from "../../../../src/env/clock.ts";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { connectJetStream } from "../../../../src/storage/nats/connection/nats_jetstream.ts";
import type {
  ConnectionEvent,
  NatsOptions,
} from "../../../../src/storage/nats/connection/options.ts";
import type { JetStream, NewMessage } from "../../../../src/storage/nats/jetstream.ts";
import { natsTest } from "../../../support/nats/find_nats_server.ts";
import { NatsCluster } from "../../../support/nats/nats_cluster.ts";
import { until } from "../../../support/until.ts";

/** What becomes of a connection, and of what is on its way, when servers come and go. */

const LOG = "DS_TEST";

interface Site {
  readonly cluster: NatsCluster;
  readonly port: JetStream;
  readonly events: ConnectionEvent[];
}

async function withSite(
  servers: 1 | 3,
  options: Partial<NatsOptions>,
  run: (site: Site) => Promise<void>,
): Promise<void> {
  const cluster = await NatsCluster.start({ servers });
  const events: ConnectionEvent[] = [];
  let port: JetStream | undefined;
  try {
    const onEvent = (event: ConnectionEvent) => void events.push(event);
    port = await connectJetStream({
      servers: cluster.urls,
      timeoutMs: 2_000,
      onEvent,
      ...options,
    });
    await port.ensureLog({ name: LOG, subjects: ["t.>"], replicas: servers, isWatched: true });
    await run({ cluster, port, events });
  } finally {
    await port?.close();
    await cluster[Symbol.asyncDispose]();
  }
}

function message(name: string, expectedSequence: number, bytes = 10): NewMessage {
  const payload = new Uint8Array(bytes);
  return { log: LOG, subject: `t.${name}`, payload, expectedSequence };
}

async function put(port: JetStream, name: string, expected: number): Promise<number> {
  const outcome = await port.publish(message(name, expected));
  if (outcome.kind !== "stored") throw new Error(JSON.stringify(outcome));
  return outcome.sequence;
}

/** The index of the server that the newest connection is to. */
function connectedTo({ cluster, events }: Site): number {
  const connected = events.filter((event) => event.kind === "connected").at(-1);
  return cluster.urls.findIndex((url) => url === `nats://${connected?.server}`);
}

natsTest(
  "what is on its way when its connection ends is unknown at once",
  () =>
    withSite(1, { timeoutMs: 60_000 }, async ({ cluster, port, events }) => {
      cluster.server(0).pause();
      const outcomes = Promise.all([
        ...Array.from({ length: 100 }, (_, i) => port.publish(message(`a${i}`, 0))),
        port.publishTogether([message("b", 0), message("b", 0)]),
      ]);
      const question = rejects(port.lastSequence(LOG, "t.a"), { code: "unavailable" });
      await cluster.server(0).kill();
      deepEqual([...new Set((await outcomes).map(({ kind }) => kind))], ["unknown"]);
      await question;
      equal(port.isConnected, false);
      equal((await port.publish(message("c", 0))).kind, "unavailable");
      cluster.server(0).start();
      await until(() => port.isConnected, () => JSON.stringify(events));
      await cluster.ready();
      await until(
        async () => (await port.publish(message("d", 0))).kind !== "unavailable",
        () => "",
      );
      equal(await port.lastSequence(LOG, "t.c"), 0);
    }),
);

natsTest(
  "a connection comes back however often it couldn't be made",
  () =>
    withSite(1, { random: () => 0 }, async ({ cluster, port, events }) => {
      const ends: number[] = [];
      port.watch(LOG, "t.a", () => {}, () => void ends.push(events.length));
      await put(port, "a", 0);
      await cluster.server(0).kill();
      // The library's own attempts end with the tenth.
      const failures = () => events.filter(({ kind }) => kind === "failed").length;
      await until(() => failures() > 30, () => `${failures()} failures`);
      equal((await port.publish(message("a", 1))).kind, "unavailable");
      ends.length = 0;
      cluster.server(0).start();
      await until(() => port.isConnected, () => "no connection");
      await until(() => ends.length > 0, () => "who watches isn't told of the interruption");
      await until(async () => await sequenceOrNone(port, "t.a") === 1, () => "it is lost");
      equal(await put(port, "a", 1), 2);
    }),
);

async function sequenceOrNone(port: JetStream, subject: string): Promise<number> {
  try {
    return await port.lastSequence(LOG, subject);
  } catch {
    return -1;
  }
}

natsTest(
  "a server that doesn't answer any more is given up for another",
  () =>
    withSite(3, { timeoutMs: 60_000 }, async (site) => {
      const { cluster, port, events } = site;
      const first = connectedTo(site);
      const before = events.length;
      cluster.server(first).pause();
      const outcome = await port.publish(message("a", 0));
      equal(outcome.kind, "unknown");
      await until(() => port.isConnected, () => JSON.stringify(events));
      ok(events.slice(before).some(({ kind }) => kind === "disconnected"));
      ok(connectedTo(site) !== first);
      await until(async () => await sequenceOrNone(port, "t.a") >= 0, () => "no leader");
      cluster.server(first).resume();
    }),
);

natsTest(
  "without a quorum nothing is stored, and what is there is read",
  () =>
    withSite(3, { timeoutMs: 500 }, async ({ cluster, port }) => {
      await put(port, "a", 0);
      await until(async () => (await read(port, "a")).length === 1, () => "not replicated");
      const leader = await cluster.leaderOf(LOG);
      const others = [0, 1, 2].filter((index) => index !== leader);
      await Promise.all(others.map((index) => cluster.server(index).kill()));
      await until(() => port.isConnected, () => "no connection");
      const outcome = await port.publish(message("a", 1));
      ok(outcome.kind === "unavailable" || outcome.kind === "unknown", JSON.stringify(outcome));
      await until(async () => (await read(port, "a"))[0] === 1, () => "it isn't read");
      for (const index of others) cluster.server(index).start();
      await cluster.ready();
      let last = await port.lastSequence(LOG, "t.a").catch(() => 1);
      await until(async () => {
        const again = await port.publish(message("a", last));
        if (again.kind === "refused") last = again.lastSequence ?? last;
        return again.kind === "stored";
      }, () => "nothing is stored with all servers back");
    }),
);

natsTest(
  "a leader without followers, who answers still, isn't believed",
  () =>
    withSite(3, { timeoutMs: 500 }, async ({ cluster, port }) => {
      await put(port, "a", 0);
      const leader = await cluster.leaderOf(LOG);
      const others = [0, 1, 2].filter((index) => index !== leader);
      await Promise.all(others.map((index) => cluster.server(index).kill()));
      const question = { log: LOG, subject: "t.a", fromSequence: 1, limit: 1, limitBytes: 1e6 };
      const believes = async () => {
        try {
          return (await port.messages({ ...question, byLeader: true })).length === 1;
        } catch {
          return false;
        }
      };
      await until(believes, () => "no leader answers");
      const isDoubted = async () => await sequenceOrNone(port, "t.a") < 0 && await believes();
      await until(isDoubted, () => "it is believed as long as it answers");
      await rejects(port.lastMessage(LOG, "t.a"), { code: "unavailable" });
    }),
);

async function read(port: JetStream, name: string): Promise<number[]> {
  const query = { log: LOG, subject: `t.${name}`, fromSequence: 1, limit: 100, limitBytes: 1e6 };
  const messages = await port.messages(query).catch(() => []);
  return messages.map(({ sequence }) => sequence);
}

/** Between attempts: hundreds of thousands of refused ones would keep servers from electing a leader. */
const BETWEEN_ATTEMPTS_MS = 20;

natsTest(
  "who follows gets each message once, also over the kill of the server that sends",
  () =>
    withSite(3, { timeoutMs: 1_000 }, async (site) => {
      const { cluster, port } = site;
      const found: number[] = [];
      const follower = port.follow({ log: LOG, fromSequence: 1 }, ({ sequence }) => {
        found.push(sequence);
      });
      let last = 0;
      for (let i = 0; i < 50; i++) last = await put(port, "a", last);
      await cluster.server(connectedTo(site)).kill();
      await until(() => port.isConnected, () => "no connection");
      let stored = 0;
      const storeNext = async () => {
        const outcome = await port.publish(message("a", last));
        if (outcome.kind === "stored") stored++;
        if (outcome.kind === "stored") last = outcome.sequence;
        else if (outcome.kind === "refused") last = outcome.lastSequence ?? last;
        else await sleep(BETWEEN_ATTEMPTS_MS);
        return stored === 50;
      };
      await until(storeNext, () => `${stored} of 50 stored`);
      await until(() => found.at(-1) === last, () => `${found.at(-1)} of ${last}`);
      deepEqual(found, Array.from({ length: last }, (_, i) => i + 1));
      await follower.stop();
    }),
);

natsTest(
  "who follows goes on by another consumer where one is well and sends nothing",
  () =>
    withSite(1, {}, async ({ cluster, port }) => {
      const found: number[] = [];
      const follower = port.follow({ log: LOG, fromSequence: 1 }, ({ sequence }) => {
        found.push(sequence);
      });
      await put(port, "a", 0);
      await follower.caughtUp();
      await (await bare(cluster)).pauseConsumers();
      await put(port, "a", 1);
      await follower.caughtUp();
      deepEqual(found, [1, 2]);
      await follower.stop();
    }),
);

natsTest(
  "who is about to be left by its server moves to another, and who follows misses nothing",
  () =>
    withSite(3, { timeoutMs: 2_000 }, async (site) => {
      const { cluster, port, events } = site;
      const found: number[] = [];
      const follower = port.follow({ log: LOG, fromSequence: 1 }, ({ sequence }) => {
        found.push(sequence);
      });
      const left = connectedTo(site);
      await until(async () => await cluster.leaderOf(LOG) >= 0, () => "no leader");
      let last = 0;
      const storeNext = async () => {
        const outcome = await port.publish(message("a", last));
        if (outcome.kind === "stored") last = outcome.sequence;
        if (outcome.kind === "refused") last = outcome.lastSequence ?? last;
      };
      await storeNext();
      cluster.server(left).announceEnd();
      await until(async () => {
        await storeNext();
        return connectedTo(site) !== left;
      }, () => JSON.stringify(events));
      equal(events.filter(({ kind }) => kind === "disconnected").length, 0);
      ok(port.isConnected);
      await until(
        () => events.some(({ kind }) => kind === "disconnected"),
        () => "the connection to the server that goes stays",
      );
      ok(port.isConnected);
      const moved = last;
      await until(async () => {
        await storeNext();
        return last > moved;
      }, () => "nothing is stored any more");
      await until(() => found.at(-1) === last, () => `${found.at(-1)} of ${last}`);
      deepEqual(found, Array.from({ length: last }, (_, i) => i + 1));
      await follower.stop();
    }),
);

natsTest("a server that ends before it had to leaves no timer behind", async () => {
  const timeoutMs = 60_000;
  let waiting = 0;
  const clock: Clock = {
    nowMs: () => systemClock.nowMs(),
    setTimer(delayMs, run) {
      if (delayMs !== timeoutMs) return systemClock.setTimer(delayMs, run);
      waiting++;
      const cancel = systemClock.setTimer(delayMs, run);
      return () => {
        waiting--;
        cancel();
      };
    },
  };
  await withSite(3, { timeoutMs, clock }, async (site) => {
    const { cluster, events } = site;
    const left = connectedTo(site);
    cluster.server(left).announceEnd();
    await until(() => connectedTo(site) !== left, () => JSON.stringify(events));
    await until(() => waiting === 1, () => `${waiting} timers`);
    await cluster.server(left).kill();
    const isLeft = () => events.some(({ kind }) => kind === "disconnected");
    await until(isLeft, () => JSON.stringify(events));
    equal(waiting, 0);
  });
});

natsTest(
  "who moves to another server is called once for each call, and not at all any more afterwards",
  () =>
    withSite(3, { timeoutMs: 2_000 }, async (site) => {
      const { cluster, port, events } = site;
      const left = connectedTo(site);
      const elsewhere = cluster.urls.filter((_, index) => index !== left);
      const caller = await connectJetStream({ servers: elsewhere });
      try {
        let served = 0;
        const end = port.serve("calls.a", (payload) => {
          served++;
          return Promise.resolve(payload);
        });
        const call = () => caller.call("calls.a", new Uint8Array([7]), 1_000);
        const answered = () => call().then(() => true, () => false);
        await until(answered, () => "nobody answers");
        cluster.server(left).announceEnd();
        await until(() => connectedTo(site) !== left, () => JSON.stringify(events));
        served = 0;
        let calls = 0;
        const isLeft = () => events.some(({ kind }) => kind === "disconnected");
        await until(async () => {
          calls++;
          deepEqual([...await call()], [7]);
          return isLeft();
        }, () => "the connection to the server that goes stays");
        equal(served, calls);
        end();
        await until(
          () => call().then(() => false, ({ code }) => code === "unserved"),
          () => "who has ended to serve is called still",
        );
      } finally {
        await caller.close();
      }
    }),
);

natsTest(
  "a slow follower is sent no more than it can take",
  () =>
    withSite(1, {}, async ({ port }) => {
      const count = 1_200;
      const parts = 300;
      // 77 MB: a server cuts the connection of who leaves 64 MB unread.
      for (let i = 0; i < count / parts; i++) {
        const messages = Array.from({ length: parts }, () => message("big", i * parts, 64_000));
        const outcome = await port.publishTogether(messages);
        equal(outcome.kind, "stored", JSON.stringify(outcome));
      }
      let handled = 0;
      let go = () => {};
      const gate = new Promise<void>((resolve) => {
        go = resolve;
      });
      const follower = port.follow({ log: LOG, fromSequence: 1 }, async ({ payload }) => {
        if (handled === 0) await gate;
        ok([10, 64_000].includes(payload.length));
        handled++;
      });
      // While the first one isn't handled the connection is of use to others.
      for (let i = 0, last = 0; i < 50; i++) last = await put(port, "a", last);
      equal(handled, 0);
      go();
      await follower.caughtUp();
      equal(handled, count + 50);
      await follower.stop();
    }),
);

natsTest(
  "no more bytes than allowed are on their way at once",
  () =>
    withSite(1, { limitInFlightBytes: 100_000, timeoutMs: 60_000 }, async ({ cluster, port }) => {
      cluster.server(0).pause();
      const outcomes: string[] = [];
      const all = Array.from({ length: 10 }, async (_, i) => {
        const { kind } = await port.publish(message(`a${i}`, 0, 40_000));
        outcomes.push(kind);
      });
      await cluster.server(0).kill();
      await Promise.all(all);
      // Two had left when the connection ended; the others never did.
      deepEqual(outcomes.sort(), [...Array(8).fill("unavailable"), "unknown", "unknown"]);
    }),
);

natsTest(
  "a log that is there with another configuration is unsuitable, and the error says which",
  () =>
    withSite(1, {}, async ({ port }) => {
      const config = { name: LOG, subjects: ["t.>"], replicas: 1, isWatched: true };
      await port.ensureLog(config);
      await port.ensureLog({ ...config, isWatched: false });
      const wrong = [
        { config: { ...config, messagesPerSubject: 1 }, message: /max_msgs_per_subject is -1/ },
        {
          config: { ...config, subjects: ["t.>", "u.>"] },
          message: /its subjects is \["t\.>","ds-confirm/,
        },
        { config: { ...config, replicas: 3 }, message: /num_replicas is 1, .* at least 3/ },
        { config: { ...config, name: "OTHER" }, message: /subjects overlap/ },
        {
          config: { ...config, name: "OTHER", subjects: ["u.>"], replicas: 3 },
          message: /replicas/,
        },
      ];
      for (const { config, message } of wrong) {
        await rejects(port.ensureLog(config), { code: "unsuitable", message });
      }
    }),
);

natsTest(
  "a header that the server would take for its own isn't sent",
  () =>
    withSite(1, {}, async ({ port }) => {
      for (
        const headers of [{ "Nats-Rollup": "all" }, { "a b": "" }, { a: "b\r\nc: d" }, { a: "ö" }]
      ) {
        const outcome = await port.publish({ ...message("a", 0), headers });
        equal(outcome.kind, "rejected");
      }
      equal(await port.lastSequence(LOG, "t.a"), 0);
    }),
);

natsTest(
  "messages of all sizes that leave at once arrive as they were sent",
  () =>
    withSite(1, {}, async ({ port }) => {
      const sizes = [0, 1, 8_192, 8_193, 100_000, 40_000, 17, 131_072, 300];
      const messages = Array.from({ length: 90 }, (_, i) => {
        const payload = new Uint8Array(sizes[i % sizes.length] ?? 0).fill(i);
        return { ...message(`ä${i}`, 0), payload, headers: { "DS-Number": String(i) } };
      });
      const outcomes = await Promise.all(messages.map((each) => port.publish(each)));
      deepEqual([...new Set(outcomes.map(({ kind }) => kind))], ["stored"]);
      for (const { subject, payload, headers } of messages) {
        const found = await port.lastMessage(LOG, subject);
        deepEqual([found?.payload, found?.headers], [payload, headers]);
      }
    }),
);

natsTest(
  "a subject that is none, and headers without bounds, are rejected",
  () =>
    withSite(1, {}, async ({ port }) => {
      for (const subject of ["", "t.a b", "t.a\r\nPUB t.b 0\r\n", "t.\t"]) {
        const outcome = await port.publish({ ...message("a", 0), subject });
        equal(outcome.kind, "rejected", JSON.stringify(outcome));
      }
      const outcome = await port.publish({
        ...message("a", 0, port.messageLimitBytes),
        headers: { long: "x".repeat(5_000) },
      });
      match(
        "reason" in outcome ? outcome.reason : "",
        /headers of 5\d\d\d bytes, and may have 4096/,
      );
      equal((await port.publish(message("a", 0))).kind, "stored");
    }),
);

natsTest(
  "headers of somebody else that nobody can read disturb nothing",
  () =>
    withSite(1, {}, async ({ cluster, port, events }) => {
      const found: string[] = [];
      const notices: number[] = [];
      const follower = port.follow({ log: LOG, fromSequence: 1 }, ({ sequence, headers }) => {
        found.push(`${sequence} ${JSON.stringify(headers)}`);
      });
      const end = port.watch(LOG, "t.a", ({ sequence }) => void notices.push(sequence), () => {});
      await follower.caughtUp();
      await publishUnreadable(cluster.server(0).config.port, ["t.b", `ds-watch.${LOG}.t.a`]);
      await until(async () => await port.lastSequence(LOG, "t.b") === 1, () => "not stored");
      equal((await port.lastMessage(LOG, "t.b"))?.payload.length, 0);
      const query = { log: LOG, subject: "t.b", fromSequence: 1, limit: 9, limitBytes: 1e6 };
      await port.messages(query);
      await put(port, "a", 0);
      await follower.caughtUp();
      deepEqual(found, ["1 {}", "2 {}"]);
      await until(() => notices.at(-1) === 2, () => JSON.stringify(notices));
      deepEqual(events.map(({ kind }) => kind), ["connected"]);
      end();
      await follower.stop();
    }),
);

/** Messages without content, whose header's name has a space in it. */
async function publishUnreadable(port: number, subjects: readonly string[]): Promise<void> {
  const socket = createConnection({ host: "127.0.0.1", port });
  const headers = "NATS/1.0\r\nb ad: x\r\n\r\n";
  const publishes = subjects.map((subject) => {
    return `HPUB ${subject} ${headers.length} ${headers.length}\r\n${headers}\r\n`;
  });
  socket.write(`CONNECT {"headers":true,"verbose":false}\r\n${publishes.join("")}PING\r\n`);
  await new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("data", (data) => String(data).includes("PONG") && resolve());
  });
  socket.destroy();
}

natsTest("what belongs to no log is stored nowhere", () =>
  withSite(1, {}, async ({ port }) => {
    const outcome = await port.publish({ ...message("a", 0), subject: "nowhere" });
    equal(outcome.kind, "unavailable");
    await rejects(port.lastSequence(LOG, "nowhere"), { code: "unavailable" });
    await rejects(port.lastMessage("NONE", "nowhere"), {
      code: "unavailable",
      message: /not found/,
    });
  }));

natsTest(
  "batches wait for one another, and a batch that is too large is rejected",
  () =>
    withSite(3, {}, async ({ port }) => {
      const outcomes = await Promise.all(
        Array.from(
          { length: 100 },
          (_, i) => port.publishTogether(Array.from({ length: 20 }, () => message(`b${i}`, 0))),
        ),
      );
      deepEqual([...new Set(outcomes.map(({ kind }) => kind))], ["stored"]);
      const many = Array.from({ length: 1001 }, () => message("many", 0));
      equal((await port.publishTogether(many)).kind, "rejected");
      equal((await port.publishTogether(many.slice(1))).kind, "stored");
      equal((await port.publishTogether([])).kind, "rejected");
      const longest = message("long", 0, port.messageLimitBytes + 1);
      equal((await port.publishTogether([message("long", 0), longest])).kind, "rejected");
      equal(await port.lastSequence(LOG, "t.long"), 0);
    }),
);

natsTest(
  "a log without room says so, and keeps what it has",
  () =>
    withSite(1, {}, async ({ port, cluster }) => {
      await put(port, "a", 0);
      const { library } = await bare(cluster);
      await library("$JS.API.STREAM.UPDATE.DS_TEST", (config) => ({ ...config, max_bytes: 2_000 }));
      const outcome = await port.publish(message("b", 0, 5_000));
      equal(outcome.kind, "full", JSON.stringify(outcome));
      match(outcome.kind === "full" ? outcome.reason : "", /maximum bytes exceeded/);
      const together = await port.publishTogether([message("c", 0, 3_000), message("c", 0, 3_000)]);
      equal(together.kind, "full", JSON.stringify(together));
      equal(await port.lastSequence(LOG, "t.a"), 1);
      equal(await port.lastSequence(LOG, "t.c"), 0);
    }),
);

/** The client library itself, for what the port doesn't do. */
async function bare(cluster: NatsCluster) {
  const { connect } = await import("@nats-io/transport-node");
  return {
    /** They say that they are there, and send nothing. */
    async pauseConsumers() {
      const connection = await connect({ servers: cluster.urls });
      const names = await connection.request(`$JS.API.CONSUMER.NAMES.${LOG}`);
      const { consumers } = names.json<{ consumers: string[] }>();
      equal(consumers.length, 1);
      const body = JSON.stringify({ pause_until: new Date(Date.now() + 3_600_000) });
      const answer = await connection.request(
        `$JS.API.CONSUMER.PAUSE.${LOG}.${consumers[0]}`,
        encodeUtf8(body),
      );
      ok(answer.string().includes('"paused":true'), answer.string());
      await connection.close();
    },
    async library(subject: string, change: (config: Record<string, unknown>) => unknown) {
      const connection = await connect({ servers: cluster.urls });
      const info = await connection.request(`$JS.API.STREAM.INFO.${LOG}`);
      const body = encodeUtf8(
        JSON.stringify(change(info.json<{ config: Record<string, unknown> }>().config)),
      );
      const answer = await connection.request(subject, body);
      ok(!answer.string().includes('"error"'), answer.string());
      await connection.close();
    },
  };
}
