import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { Rights } from "../../../src/access/rights.ts";
import { compareNames } from "../../../src/protocol/name_order.ts";
import { listGranted } from "../../../src/server/access/granted_list.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import type { ListRequest, Storage } from "../../../src/storage/storage.ts";
import { expectError } from "../../support/fixture.ts";
import { GuardedFixture } from "./authority.ts";

async function storageOf(names: readonly string[]): Promise<Storage> {
  const storage = createMemoryStorage();
  for (const name of names) await storage.create(name, {});
  return storage;
}

/** All pages of a listing, joined. */
async function allPages(
  storage: Storage,
  rights: Rights,
  request: ListRequest,
): Promise<{ names: string[]; pages: number }> {
  const names: string[] = [];
  let pages = 0;
  for (let after = request.after;;) {
    const page = await listGranted(storage, rights, { ...request, after });
    pages++;
    ok(page.streams.length <= request.limit);
    names.push(...page.streams.map(({ name }) => name));
    if (page.next === undefined) return { names, pages };
    equal(page.next, page.streams.at(-1)?.name);
    after = page.next;
  }
}

Deno.test("a listing shows what may be both listed and read, by pages, and no other name", async () => {
  const served = new GuardedFixture();
  await served.fill("a/1", "a/2", "a/3", "b/1", "c/1");
  const token = served.authority.token("t", ["list,read a/**", "read b/**", "list c/**"]);
  const first = await (await served.get("__ds/streams?limit=2", token)).json();
  deepEqual(first.streams.map(({ name }: { name: string }) => name), ["a/1", "a/2"]);
  equal(first.next, "a/2");
  const second = await (await served.get("__ds/streams?limit=2&after=a/2", token)).json();
  deepEqual(second.streams.map(({ name }: { name: string }) => name), ["a/3"]);
  equal(second.next, undefined);
});

Deno.test("without list nobody gets a listing, be it switched on or not", async () => {
  for (const listing of [true, false]) {
    const served = new GuardedFixture({ listing });
    const token = served.authority.token("t", ["read **"]);
    await expectForbidden(await served.get("__ds/streams", token));
  }
});

Deno.test("the pages of any grants are what these match of all names, in order and each once", async () => {
  const segment = fc.constantFrom("a", "b", "ab", "a!", "é");
  const name = fc.array(segment, { minLength: 1, maxLength: 3 }).map((each) => each.join("/"));
  const pattern = fc.array(fc.oneof(segment, fc.constantFrom("*", "**")), {
    minLength: 1,
    maxLength: 3,
  }).map((each) => each.join("/"));
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(name, { maxLength: 30 }),
      fc.array(pattern, { maxLength: 4 }),
      fc.constantFrom("", "a", "a/", "ab", "b/a"),
      fc.option(name, { nil: undefined }),
      fc.integer({ min: 1, max: 4 }),
      async (names, patterns, prefix, after, limit) => {
        const grants = patterns.map((pattern) => `list,read ${pattern}`);
        const rights = new Rights({ subject: "t", grants });
        const expected = names
          .filter((each) => rights.allows("read", each) && each.startsWith(prefix))
          .filter((each) => after === undefined || compareNames(each, after) > 0)
          .sort(compareNames);
        const found = await allPages(await storageOf(names), rights, { prefix, after, limit });
        deepEqual(found.names, expected);
        equal(found.pages, Math.max(1, Math.ceil(expected.length / limit)));
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("a tree among very many streams is listed without a look at the others", async () => {
  const storage = await storageOf([
    ...Array.from({ length: 500 }, (_, i) => `a/${i}`),
    "m/1",
    "m/2",
    ...Array.from({ length: 500 }, (_, i) => `z/${i}`),
  ]);
  let looked = 0;
  const counted: Pick<Storage, "list"> = {
    list: async (request) => {
      const page = await storage.list(request);
      looked += page.streams.length;
      return page;
    },
  };
  const rights = new Rights({ subject: "t", grants: ["list,read m/**"] });
  const page = await listGranted(counted, rights, { limit: 10 });
  deepEqual(page.streams.map(({ name }) => name), ["m/1", "m/2"]);
  ok(looked <= 3, `${looked} streams were looked at`);
});

Deno.test("a page looks at 20,000 streams at most, and never names one that may not be seen", async () => {
  const served = new GuardedFixture();
  for (let i = 0; i < 20_100; i++) await served.storage.create(`a/${i}/no`, {});
  await served.storage.create("a/zz/yes", {});
  const token = served.authority.token("t", ["list,read a/*/yes", "list,read a/0/**"]);
  const page = await (await served.get("__ds/streams?limit=5", token)).json();
  deepEqual(page.streams.map(({ name }: { name: string }) => name), ["a/0/no"]);
  equal(page.next, "a/0/no");
  const answer = await served.get("__ds/streams?limit=5&after=a/1", token);
  equal(answer.headers.get("cache-control"), "private, no-store");
  const { error } = await answer.json();
  equal(error.code, "invalid_query");
  ok(!error.message.includes("/no"));
  const rest = await (await served.get("__ds/streams?prefix=a/zz", token)).json();
  equal(rest.streams.length, 1);
});

async function expectForbidden(answer: Response): Promise<void> {
  const { error } = await answer.clone().json();
  equal(error.code, "forbidden");
  answer.headers.set("cache-control", "no-store");
  await expectError(answer, 403, "forbidden", /needs list/);
}
