import { equal } from "node:assert/strict";
import { answerFetch } from "../page_globals.ts";
import { tryNow } from "../../../src/page/api/subscriptions.ts";

Deno.test("a delivery is tried now only where one waits", async () => {
  for (const retried of [true, false]) {
    answerFetch(({ method, url }) => {
      equal(`${method} ${url}`, "POST http://localhost/v1/stream/__ds/subscriptions/a%20b/retry");
      return Promise.resolve(Response.json({ retried }));
    });
    equal(await tryNow("a b"), retried);
  }
});
