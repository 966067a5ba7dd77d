import { deepStrictEqual as equal, ok, rejects } from "node:assert";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import { type It, JSON_TYPE, type Subject, TEXT } from "./kit.ts";
import { update } from "./trimming.ts";

const BLOCK_BYTES = 4096;
/** Far longer than a look at one stream takes on a busy machine. */
const LONGEST_MS = 60_000;

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What is kept is looked at between all else. */
async function untilEarliest(
  { storage, clock }: Subject,
  name: string,
  least: number,
): Promise<number> {
  const endMs = performance.now() + LONGEST_MS;
  while (true) {
    const { earliest } = await storage.head(name);
    if (earliest >= least || performance.now() > endMs) return earliest;
    // What is due is looked for each second: between two calls a storage may have been opened anew.
    clock.advance(1);
    await delay(1);
  }
}

async function blocks({ streams }: Subject, name: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await streams.text(name, "x".repeat(BLOCK_BYTES));
}

/** Policies, by which streams are trimmed (an extension). */
export function describeRetention(it: It): void {
  describePolicies(it);
  describeLimits(it);
}

function describePolicies(it: It): void {
  it("a stream's policies are told, changed, and taken away", async (subject) => {
    const { storage } = subject;
    const retention = { ageMs: 7000, messages: 5 };
    await storage.create("s", { contentType: TEXT, policies: { retention } });
    equal((await storage.head("s")).policies, { retention });
    equal((await storage.describe?.("s"))?.ownPolicies, { retention });
    const changed = await update(subject, "s", { retention: { bytes: 10 } });
    equal(changed.policies, { retention: { bytes: 10 } });
    equal((await storage.head("s")).policies, { retention: { bytes: 10 } });
    equal((await update(subject, "s", { trimBefore: 0 })).policies, changed.policies);
    equal((await update(subject, "s", { retention: null })).policies, undefined);
    equal((await storage.head("s")).policies, undefined);
    await rejects(update(subject, "s", { retention: { bytes: -1 } }), { code: "invalid_header" });
  });

  it("a create is the same again with the same policies or none, not with others", async ({ storage }) => {
    const policies = { retention: { bytes: 5000 } };
    await storage.create("s", { contentType: TEXT, policies });
    equal((await storage.create("s", { contentType: TEXT, policies })).created, false);
    equal((await storage.create("s", { contentType: TEXT })).created, false);
    const others = { retention: { bytes: 5001 } };
    await rejects(
      storage.create("s", { contentType: TEXT, policies: others }),
      { code: "stream_exists" },
    );
    await storage.create("fork", { fork: { source: "s" } });
    equal((await storage.head("fork")).policies, undefined);
    await storage.create("heir", { fork: { source: "s" }, policies: "inherit" });
    equal((await storage.head("heir")).policies, policies);
  });
}

function describeLimits(it: It): void {
  it("no fewer than so many bytes are kept, and not many more", async (subject) => {
    const { storage } = subject;
    const policies = { retention: { bytes: 10_000 } };
    await storage.create("s", { contentType: TEXT, policies });
    await blocks(subject, "s", 3);
    equal((await storage.head("s")).earliest, 0);
    await blocks(subject, "s", 3);
    const { tail } = await storage.head("s");
    const earliest = await untilEarliest(subject, "s", tail - 10_000 - BLOCK_BYTES);
    ok(
      tail - earliest >= 10_000 && tail - earliest < 10_000 + BLOCK_BYTES,
      `${earliest} of ${tail}`,
    );
  });

  it("no fewer than so many messages are kept, and not many more", async (subject) => {
    const { storage, streams } = subject;
    const policies = { retention: { messages: 20 } };
    await storage.create("s", { contentType: JSON_TYPE, policies });
    for (let i = 0; i < 60; i++) await streams.json("s", JSON.stringify("x".repeat(1000)));
    // A block is four of them, and the last look is at all sixty; where it is one, one more may be left.
    const earliest = await untilEarliest(subject, "s", 39 * 1004);
    const { messages = 0 } = await storage.countBefore?.("s", earliest) ?? {};
    ok(messages === 39 || messages === 40, `${messages}`);
  });

  it("what is old enough goes, also where nothing is written any more", async (subject) => {
    const { storage, clock } = subject;
    const policies = { retention: { ageMs: 80_000 } };
    await storage.create("s", { contentType: TEXT, policies });
    await blocks(subject, "s", 2);
    clock.advance(50_000);
    await blocks(subject, "s", 1);
    clock.advance(29_000);
    await delay(20);
    equal((await storage.head("s")).earliest, 0);
    clock.advance(20_000);
    equal(await untilEarliest(subject, "s", 2 * BLOCK_BYTES), 2 * BLOCK_BYTES);
    clock.advance(100_000);
    equal(await untilEarliest(subject, "s", 3 * BLOCK_BYTES), 3 * BLOCK_BYTES);
    await subject.streams.text("s", "new");
    equal(await subject.streams.all("s"), "new");
    clock.advance(100_000);
    equal(await untilEarliest(subject, "s", 3 * BLOCK_BYTES + 3), 3 * BLOCK_BYTES + 3);
  });

  it("a policy that is given later counts for what is there", async (subject) => {
    await subject.storage.create("s", { contentType: TEXT, body: encodeUtf8("x".repeat(5000)) });
    await blocks(subject, "s", 8);
    await update(subject, "s", { retention: { bytes: 1 } });
    equal(await untilEarliest(subject, "s", 5000 + 7 * BLOCK_BYTES), 5000 + 7 * BLOCK_BYTES);
  });

  it("patterns of names say what is kept, and the strictest limit counts", async (subject) => {
    const { storage } = subject;
    for (const name of ["logs/a", "other"]) {
      const policies = { retention: { bytes: 1_000_000, messages: 1000 } };
      await storage.create(name, { contentType: TEXT, policies });
      await blocks(subject, name, 8);
    }
    equal((await storage.head("logs/a")).policies, { retention: { bytes: 9000, messages: 1000 } });
    equal((await storage.describe?.("logs/a"))?.ownPolicies, {
      retention: { bytes: 1_000_000, messages: 1000 },
    });
    equal(await untilEarliest(subject, "logs/a", 5 * BLOCK_BYTES), 5 * BLOCK_BYTES);
    equal((await storage.head("other")).earliest, 0);
  }, { retention: [{ pattern: "logs/**", retention: { bytes: 9000 } }] });
}

/** A storage that doesn't compact streams says so. */
export function describeNoCompaction(it: It): void {
  it("compaction isn't taken", async (subject) => {
    const { storage } = subject;
    const compaction = { key: "/a" };
    await rejects(
      storage.create("s", { contentType: JSON_TYPE, policies: { compaction } }),
      { code: "compaction_unsupported" },
    );
    await storage.create("s", { contentType: JSON_TYPE });
    await rejects(update(subject, "s", { compaction }), { code: "compaction_unsupported" });
    equal((await storage.head("s")).policies, undefined);
  });
}
