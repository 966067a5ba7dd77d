import { deepEqual as equal, ok } from "node:assert/strict";
import { AppKit } from "../../support/client/reader_kit.ts";
import { TokenGuard } from "../../support/client/token_guard.ts";
import { JSON_TYPE, settle } from "../../support/fixture.ts";

/** An app with a pull-wake subscription behind a guard; acks and releases have a token of their own. */
async function guarded() {
  const guard: TokenGuard = new TokenGuard({ lifeMs: () => 3_600_000, clock: () => kit.clock });
  const own: string[] = [];
  const kit: AppKit = new AppKit({}, { token: guard.issue }, (send) => {
    const inner = guard.way(send);
    return (url, init) => {
      const isOwn = /\/(ack|release|callback)$/.test(url);
      if (isOwn) own.push(new Headers(init.headers).get("authorization") ?? "none");
      return isOwn ? send(url, init) : inner(url, init);
    };
  });
  await kit.make("wakes", JSON_TYPE);
  await kit.client.subscription("s").create({ pattern: "a/*", wakeStream: "wakes" });
  return { kit, guard, own };
}

async function rest(kit: AppKit): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    await settle();
    kit.clock.advance(0);
  }
}

Deno.test("a worker whose token ends while it waits, or while it works, goes on with a fresh one", async () => {
  const { kit, guard, own } = await guarded();
  const seen: string[] = [];
  const worker = kit.client.worker("s", {
    handler: ({ messages }) => {
      seen.push(...messages.map((message) => message.text()));
      guard.endAll("expired");
    },
  });
  const running = worker.run();
  await rest(kit);
  guard.endAll("revoked");
  await rest(kit);
  for (const value of [1, 2, 3]) {
    if (value === 1) await kit.make("a/x", JSON_TYPE, "[1]");
    else await kit.append("a/x", JSON_TYPE, `[${value}]`);
    for (let i = 0; i < 3; i++) {
      await rest(kit);
      kit.clock.advance(2_000);
    }
  }
  worker.stop();
  await kit.until(running);
  equal(seen, ["1", "2", "3"]);
  ok(guard.issued >= 4, `${guard.issued}`);
  // Acks live by the claim's token, which isn't the client's.
  ok(own.length >= 3 && own.every((token) => !token.includes("token-")), own.join());
});

Deno.test("the calls of a subscription are sent again with a fresh token", async () => {
  const { kit, guard } = await guarded();
  const subscription = kit.client.subscription("s");
  await kit.make("a/x", JSON_TYPE, "[1]");
  for (
    const call of [
      () => subscription.get(),
      () => subscription.link(["b"]),
      () => subscription.unlink("b"),
      () => subscription.claim("w"),
      () => subscription.delete(),
    ]
  ) {
    guard.endAll("expired");
    const { issued } = guard;
    await call();
    equal(guard.issued, issued + 1);
  }
});
