import { deepStrictEqual as equal, rejects } from "node:assert";
import { ClientError } from "../../../src/client/errors/client_error.ts";
import { randomFaults } from "../../support/hostile_proxy/random_faults.ts";
import { atSite } from "./hostile_kit.ts";

const PATH = "log";
const MESSAGES = 200;
const RESTARTS = 4;
const ALL = Array.from({ length: MESSAGES }, (_, i) => i);

Deno.test("readers and producers continue over restarts of the server", async () => {
  const faults = randomFaults(7, { maxPerKey: 1_000 });
  await faults.run(() =>
    atSite({ decide: faults.decide }, async ({ client, direct, restart }) => {
      await direct.create(PATH, { contentType: "application/json" });
      const modes = ["auto", "sse", "long-poll"] as const;
      const reading = modes.map(async (readMode) => {
        const seen: number[] = [];
        const reader = client.reader(PATH, { readMode, maxElapsedMs: Infinity });
        for await (const value of reader.json<number>()) seen.push(value);
        return seen;
      });
      const producer = client.producer(PATH, {
        id: "p",
        maxElapsedMs: Infinity,
        maxBatchMessages: 7,
        maxBufferedBytes: 3_000,
      });
      for (const i of ALL) {
        await producer.sendJson(i);
        if (i % (MESSAGES / RESTARTS) === 20) await restart();
      }
      await restart();
      await producer.closeStream();
      for (const seen of await Promise.all(reading)) equal(seen, ALL);
    })
  );
});

Deno.test("while the server is away, reads and repeatable calls wait for it", async () => {
  let isAway = true;
  await atSite({
    decide: () => isAway ? { kind: "refuse" } : { kind: "pass" },
  }, async ({ client, direct, proxy }) => {
    await direct.create(PATH, { contentType: "text/plain", initialData: "x", closed: true });
    const heads = client.head(PATH);
    const reads = client.reader(PATH).read();
    await proxy.until(({ index }) => index >= 4);
    isAway = false;
    equal((await heads).closed, true);
    equal((await reads).messages.length, 1);
  });
});

Deno.test("a server that stays away is an error after maxElapsedMs, and the reader keeps its place", async () => {
  let isAway = false;
  await atSite({ decide: () => isAway ? { kind: "refuse" } : { kind: "pass" } }, async (site) => {
    await site.direct.create(PATH, { contentType: "application/json", initialData: "[1,2,3]" });
    const reader = site.client.reader(PATH, { readMode: "long-poll", maxElapsedMs: 1_000 });
    const seen: number[] = [];
    const readOn = async (limit: number) => {
      for await (const value of reader.json<number>()) {
        seen.push(value);
        if (seen.length === limit) break;
      }
    };
    await readOn(2);
    isAway = true;
    await rejects(
      readOn(Infinity),
      (error) => error instanceof ClientError && error.code === "network",
    );
    equal(seen, [1, 2, 3]);
    isAway = false;
    await site.direct.writer(PATH).sendJson(4, { close: true });
    await readOn(Infinity);
    equal(seen, [1, 2, 3, 4]);
  });
});
