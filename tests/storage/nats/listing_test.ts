import { deepStrictEqual as equal } from "node:assert";
import { TEXT } from "../../contract/kit.ts";
import { FrontEnds } from "../../support/nats/front_ends.ts";

/** The names that a front end lists, and hears of while it does. */

Deno.test("nats: whoever has listed hears that other front ends make and delete streams", async () => {
  const frontEnds = new FrontEnds();
  try {
    const [a, b] = [await frontEnds.open(), await frontEnds.open()];
    const heard = () => b.storage.measure?.().heardChanges;
    await a.storage.create("before", { contentType: TEXT });
    equal(heard(), 0);
    await b.storage.list({ limit: 10 });
    equal(heard(), 0);
    await a.storage.create("s", { contentType: TEXT });
    await b.storage.list({ limit: 10 });
    equal(heard(), 1);
    await a.storage.delete("s");
    await b.storage.list({ limit: 10 });
    equal(heard(), 2);
  } finally {
    await frontEnds.dispose();
  }
});
