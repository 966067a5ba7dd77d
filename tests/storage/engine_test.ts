import { deepStrictEqual as equal } from "node:assert";
import { createMemoryStorage } from "../../src/storage/memory.ts";
import { ManualClock } from "../support/manual_clock.ts";

Deno.test("a page of many expired streams is short, and the next one goes on behind it", async () => {
  const clock = new ManualClock();
  const storage = createMemoryStorage({ clock });
  const lifetime = { kind: "until", expiresAtMs: clock.nowMs() + 1 } as const;
  for (let i = 0; i < 2500; i++) {
    await storage.create(`a/${String(i).padStart(4, "0")}`, { lifetime });
  }
  await storage.create("b", {});
  clock.advance(1);
  let pages = 0;
  const found: string[] = [];
  for (let after: string | undefined = ""; after !== undefined; pages++) {
    const page = await storage.list({ prefix: "", after, limit: 100 });
    found.push(...page.streams.map(({ name }) => name));
    after = page.next;
  }
  equal([found, pages], [["b"], 3]);
});
