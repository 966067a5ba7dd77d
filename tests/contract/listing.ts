import { deepStrictEqual as equal } from "node:assert";
import { Buffer } from "node:buffer";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import type { ListPage, Storage } from "../../src/storage/storage.ts";
import { Random } from "../support/random.ts";
import { type It, TEXT } from "./kit.ts";

/** All of a test's names begin with this: others are in the storage too. */
const ROOT = "n/";

/** Characters that two orders may put differently, and plain ones. */
const CHARACTERS = ["a", "B", "b", "/", "%", "é", "\ud7ff", "\ue000", "\uffff", "🦆", "\u{10ffff}"];

/** Different names that look random, in no order. */
function randomNames(random: Random, count: number): string[] {
  const names = new Set<string>();
  while (names.size < count) {
    const length = random.between(1, 4);
    const characters = Array.from({ length }, () => random.pick(CHARACTERS));
    names.add(`${ROOT}${characters.join("")}`);
  }
  return [...names];
}

/** By their bytes, whatever the storage compares by. */
function sorted(names: Iterable<string>): string[] {
  return [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function namesOf({ streams }: ListPage): string[] {
  return streams.map(({ name }) => name);
}

/** Every page from `after` on. */
async function allPages(
  storage: Storage,
  limit: number,
  prefix = ROOT,
  after = "",
): Promise<string[][]> {
  const pages: string[][] = [];
  for (let last: string | undefined = after; last !== undefined;) {
    const page = await storage.list({ prefix, after: last, limit });
    pages.push(namesOf(page));
    last = page.next;
  }
  return pages;
}

/** Listing (an extension). */
export function describeListing(it: It): void {
  it("a list of nothing is empty", async ({ storage }) => {
    for (const request of [{ prefix: ROOT }, { prefix: ROOT, after: "" }, { after: "n" }]) {
      equal(await storage.list({ ...request, limit: 10 }), { streams: [], next: undefined });
    }
  });

  it("a list says of each stream what its HEAD does", async ({ storage, streams, clock }) => {
    const lifetime = { kind: "until", expiresAtMs: clock.nowMs() + 1_000_000 } as const;
    await storage.create("n/plain", { contentType: TEXT });
    await storage.create("n/until", { body: encodeUtf8("abc"), lifetime });
    await storage.create("n/fork", { fork: { source: "n/until" } });
    await storage.create("n/closed", { contentType: TEXT, closed: true });
    await streams.text("n/plain", "hello");
    await storage.delete("n/until");
    await streams.close("n/plain");
    const { streams: listed, next } = await storage.list({ prefix: ROOT, after: "", limit: 10 });
    equal(listed.map(({ name }) => name), ["n/closed", "n/fork", "n/plain"]);
    for (const { name, lastAppendAtMs: _, forkedFrom: __, ...info } of listed) {
      equal(info, await storage.head(name));
    }
    equal(next, undefined);
  });

  it("a list goes by the bytes of names, page by page, whatever the limit", async ({ storage }) => {
    const names = randomNames(new Random(1), 12);
    const expected = sorted(names);
    for (const name of names) await storage.create(name, {});
    for (let limit = 1; limit <= names.length + 1; limit++) {
      const pages = await allPages(storage, limit);
      equal(pages.flat(), expected);
      equal(pages.length, Math.ceil(names.length / limit), `the pages of ${limit}`);
    }
  });

  it("a list begins behind any name", async ({ storage }) => {
    const random = new Random(2);
    const names = randomNames(random, 12);
    for (const name of names) await storage.create(name, {});
    for (const after of [...names, ...randomNames(random, 4), "", "n", "m", "o", "\u{10ffff}"]) {
      const expected = sorted([...names, after]).slice(sorted([...names, after]).indexOf(after))
        .filter((name) => name !== after);
      equal((await allPages(storage, 100, ROOT, after)).flat(), expected, `after ${after}`);
    }
  });

  it("a list takes only names with the prefix", async ({ storage }) => {
    const random = new Random(3);
    const names = randomNames(random, 16);
    for (const name of names) await storage.create(name, {});
    const prefixes = CHARACTERS.map((character) => `${ROOT}${character}`);
    for (const prefix of [...prefixes, ...names.slice(0, 4), "n", "n/a\u{10ffff}", "o"]) {
      const expected = sorted(names.filter((name) => name.startsWith(prefix)));
      equal((await allPages(storage, 3, prefix)).flat(), expected, `the prefix ${prefix}`);
      const [after] = expected;
      if (after === undefined) continue;
      equal((await allPages(storage, 3, prefix, after)).flat(), expected.slice(1));
    }
  });

  it("a list shows the streams that exist when the page is asked for", async ({ storage, streams }) => {
    const random = new Random(4);
    const there = new Set<string>();
    const names = randomNames(random, 10);
    for (let step = 0; step < 25; step++) {
      const name = random.pick(names);
      if (there.delete(name)) await storage.delete(name);
      else await storage.create(name, { contentType: TEXT, body: encodeUtf8("x") });
      if ((await storage.list({ prefix: name, after: "", limit: 100 })).streams[0]?.name === name) {
        there.add(name);
        await streams.text(name, "y");
      }
      if (step % 5 > 0) continue;
      const after = random.pick(names);
      const all = sorted([...there]);
      const expected = all.filter((one) => sorted([one, after])[0] === after && one !== after);
      const page = await storage.list({ prefix: ROOT, after, limit: 4 });
      equal(namesOf(page), expected.slice(0, 4));
      equal(page.next, expected.length > 4 ? expected[3] : undefined);
      equal(page.streams.map(({ tail }) => tail), page.streams.map(() => 2));
    }
  });

  it("a list goes on where the page ended, though that page's names are deleted", async ({ storage }) => {
    for (const name of ["n/a", "n/b", "n/c", "n/d"]) await storage.create(name, {});
    const first = await storage.list({ prefix: ROOT, after: "", limit: 2 });
    equal([namesOf(first), first.next], [["n/a", "n/b"], "n/b"]);
    for (const name of ["n/a", "n/b", "n/c"]) await storage.delete(name);
    await storage.create("n/aa", {});
    equal(namesOf(await storage.list({ prefix: ROOT, after: "n/b", limit: 2 })), ["n/d"]);
  });

  it("a list shows a stream made again once", async ({ storage }) => {
    for (let i = 0; i < 4; i++) {
      await storage.create("n/a", { contentType: TEXT, body: encodeUtf8("x".repeat(i)) });
      const { streams } = await storage.list({ prefix: ROOT, after: "", limit: 10 });
      equal(streams.map(({ name, tail }) => [name, tail]), [["n/a", i]]);
      await storage.delete("n/a");
      equal((await storage.list({ prefix: ROOT, after: "", limit: 10 })).streams, []);
    }
  });

  it("a list leaves out streams that only forks keep, and expired ones", async ({ storage, clock }) => {
    const lifetime = { kind: "until", expiresAtMs: clock.nowMs() + 1000 } as const;
    await storage.create("n/a", { lifetime });
    await storage.create("n/b", {});
    await storage.create("n/c", { fork: { source: "n/b" } });
    await storage.delete("n/b");
    const list = async () => namesOf(await storage.list({ prefix: ROOT, after: "", limit: 10 }));
    equal(await list(), ["n/a", "n/c"]);
    clock.advance(1000);
    equal(await list(), ["n/c"]);
  });
}

/** Listing is no use, by the injected clock. */
export function describeListingOfSliding(it: It): void {
  it("a list doesn't count as a use", async ({ storage, clock }) => {
    await storage.create("n/a", { lifetime: { kind: "ttl", ttlSeconds: 100 } });
    const list = async () => (await storage.list({ prefix: ROOT, after: "", limit: 10 })).streams;
    const before = await list();
    clock.advance(60_000);
    equal(await list(), before);
    clock.advance(39_000);
    equal(await list(), before);
    clock.advance(1_500);
    equal(await list(), []);
  });

  it("a list shows a sliding stream that somebody waits on", async ({ storage, clock }) => {
    await storage.create("n/a", { lifetime: { kind: "ttl", ttlSeconds: 100 } });
    const watch = await storage.watch("n/a", () => {});
    clock.advance(300_000);
    equal((await storage.list({ prefix: ROOT, after: "", limit: 10 })).streams.length, 1);
    watch.cancel();
  });
}
