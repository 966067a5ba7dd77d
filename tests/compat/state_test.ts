import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { DurableStream } from "@durable-streams/client";
import { createStateSchema, createStreamDB } from "@durable-streams/state/db";
import { COMPAT_TARGETS, compatTest, sharedServer } from "./targets.ts";

/** `@durable-streams/state` as it is: a database of collections that follows a JSON stream. */

interface User {
  readonly id: string;
  readonly name: string;
  readonly active: boolean;
}

function isUser(value: unknown): value is User {
  return typeof value === "object" && value !== null && "id" in value && "name" in value;
}

const USER_SCHEMA = {
  "~standard": {
    version: 1 as const,
    vendor: "compat",
    validate: (value: unknown) =>
      isUser(value) ? { value } : { issues: [{ message: "not a user" }] },
  },
};

const SCHEMA = createStateSchema({
  users: { schema: USER_SCHEMA, type: "user", primaryKey: "id" },
});

/** The package brings a client of its own, one version behind: it is given the URL, not a handle. */
function optionsOf({ url }: { readonly url: string }) {
  return { url, contentType: "application/json" };
}

/** What an action below uses of what it is given. */
interface ActionContext {
  readonly db: {
    readonly collections: { readonly users: { insert(user: User): unknown } };
    readonly utils: { awaitTxId(txid: string, timeoutMs: number): Promise<void> };
  };
  readonly stream: { append(body: string): Promise<void> };
}

const KIM = { id: "1", name: "Kim", active: true };
const LEE = { id: "2", name: "Lee", active: false };

for (const target of COMPAT_TARGETS) {
  const server = sharedServer(target, ["--chunk-bytes", "4KiB"]);
  const make = () => DurableStream.create(optionsOf({ url: server.streamUrl() }));
  const test = (name: string, run: () => Promise<void>) => compatTest(target, name, run);

  for (const live of [true, "long-poll", "sse"] as const) {
    test(`live: ${live}: preload has what is there; inserts, updates and deletes follow`, async () => {
      const handle = await make();
      const write = async (event: { readonly headers: { readonly txid?: string } }) => {
        await handle.append(JSON.stringify(event));
        await db.utils.awaitTxId(event.headers.txid ?? "", 10_000);
      };
      const tx = () => ({ headers: { txid: crypto.randomUUID() } });
      await handle.append(JSON.stringify(SCHEMA.users.insert({ value: KIM })));
      const db = createStreamDB({
        streamOptions: optionsOf(handle),
        live,
        state: SCHEMA,
      });
      try {
        await db.preload();
        const names = () => [...db.collections.users.values()].map(({ name }) => name).sort();
        deepEqual(names(), ["Kim"]);
        await write(SCHEMA.users.insert({ value: LEE, ...tx() }));
        deepEqual(names(), ["Kim", "Lee"]);
        await write(
          SCHEMA.users.update({ value: { ...KIM, name: "Kim B" }, oldValue: KIM, ...tx() }),
        );
        deepEqual(names(), ["Kim B", "Lee"]);
        await write(SCHEMA.users.upsert({ value: { ...LEE, name: "Lee C" }, ...tx() }));
        deepEqual(names(), ["Kim B", "Lee C"]);
        await write(SCHEMA.users.delete({ key: "1", ...tx() }));
        deepEqual(names(), ["Lee C"]);
        const head = await handle.head();
        ok(head.exists);
        equal(db.offset, head.offset);
      } finally {
        db.close();
      }
    });
  }

  test("preload reads a state that is longer than a chunk", async () => {
    const handle = await make();
    const users = Array.from(
      { length: 200 },
      (_, n) => ({ ...KIM, id: `${n}`, name: `user ${n}` }),
    );
    await Promise.all(
      users.map((value) => handle.append(JSON.stringify(SCHEMA.users.insert({ value })))),
    );
    const db = createStreamDB({ streamOptions: optionsOf(handle), live: "sse", state: SCHEMA });
    try {
      await db.preload();
      equal(db.collections.users.size, 200);
      equal(db.collections.users.get("199")?.name, "user 199");
    } finally {
      db.close();
    }
  });

  test("a subscriber is told of each change as it comes", async () => {
    const handle = await make();
    const db = createStreamDB({ streamOptions: optionsOf(handle), live: "sse", state: SCHEMA });
    try {
      await db.preload();
      const told: string[] = [];
      db.collections.users.subscribeChanges((changes: readonly { type: string; key: string }[]) => {
        told.push(...changes.map(({ type, key }) => `${type} ${key}`));
      });
      const events = [
        SCHEMA.users.insert({ value: KIM, headers: { txid: "a" } }),
        SCHEMA.users.update({ value: { ...KIM, active: false }, headers: { txid: "b" } }),
        SCHEMA.users.delete({ key: "1", headers: { txid: "c" } }),
      ];
      for (const event of events) {
        await handle.append(JSON.stringify(event));
        await db.utils.awaitTxId(event.headers.txid ?? "", 10_000);
      }
      deepEqual(told, ["insert 1", "update 1", "delete 1"]);
    } finally {
      db.close();
    }
  });

  test("an action is seen at once, and stays once the stream confirms it", async () => {
    const handle = await make();
    const db = createStreamDB({
      streamOptions: optionsOf(handle),
      live: "sse",
      state: SCHEMA,
      actions: ({ db, stream }: ActionContext) => ({
        addUser: {
          onMutate: (user: User) => {
            db.collections.users.insert(user);
          },
          mutationFn: async (user: User) => {
            const txid = crypto.randomUUID();
            const event = SCHEMA.users.insert({ value: user, headers: { txid } });
            await stream.append(JSON.stringify(event));
            await db.utils.awaitTxId(txid, 10_000);
          },
        },
      }),
    });
    try {
      await db.preload();
      const action = db.actions.addUser(KIM);
      equal(db.collections.users.get("1")?.name, "Kim");
      await action.isPersisted.promise;
      equal(db.collections.users.get("1")?.name, "Kim");
    } finally {
      db.close();
    }
  });

  test("reset forgets the state, and what follows builds it anew", async () => {
    const handle = await make();
    await handle.append(JSON.stringify(SCHEMA.users.insert({ value: KIM })));
    await handle.append(JSON.stringify({ headers: { control: "reset" } }));
    await handle.append(JSON.stringify(SCHEMA.users.insert({ value: LEE })));
    const db = createStreamDB({ streamOptions: optionsOf(handle), live: "sse", state: SCHEMA });
    try {
      await db.preload();
      deepEqual([...db.collections.users.keys()], ["2"]);
    } finally {
      db.close();
    }
  });

  test("a stream that isn't there: preload fails with 404", async () => {
    const db = createStreamDB({
      streamOptions: optionsOf({ url: server.streamUrl() }),
      state: SCHEMA,
    });
    try {
      await rejects(db.preload(), { status: 404 });
    } finally {
      db.close();
    }
  });
}
