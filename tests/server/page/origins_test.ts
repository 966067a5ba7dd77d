import { equal } from "node:assert/strict";
import { expectError, type Fields, JSON_TYPE, TEXT } from "../../support/fixture.ts";
import { HOOK, SubscriptionFixture } from "../../support/subscription_fixture.ts";

/** Other sites' pages and what the page uses: nothing of it is done for them, whatever the browser sends. */

const OTHER = "https://other.example";
const NAMED = "https://app.example";
const LINK = JSON.stringify({ name: "a", expiresInSeconds: 60 });
const HOOKED = JSON.stringify({ type: "webhook", pattern: "*", webhook: { url: HOOK } });

/** What a page asks for that isn't a stream's, with a body where it takes one. */
const REQUESTS: readonly (readonly [method: string, path: string, body?: string])[] = [
  ["GET", "__ds/page/feed"],
  ["GET", "__ds/page/streams"],
  ["GET", "__ds/page/streams?delimiter=/"],
  ["GET", "__ds/page/stream?name=a"],
  ["POST", "__ds/page/link", LINK],
  ["GET", "__ds/streams"],
  ["GET", "__ds/subscriptions"],
  ["PUT", "__ds/subscriptions/made", HOOKED],
  ["POST", "__ds/subscriptions/s/retry"],
  ["DELETE", "__ds/subscriptions/s"],
  ["POST", "__ds/session"],
];

async function filled(cors: string): Promise<SubscriptionFixture> {
  const served = new SubscriptionFixture({ page: true, listing: true, cors });
  await served.make("a", TEXT, "mine");
  await served.subscribe("s");
  return served;
}

/** As a form, a script, an image and a frame of another site have browsers send it. */
const FOREIGN: readonly Fields[] = [
  { origin: OTHER, "sec-fetch-site": "cross-site" },
  { origin: OTHER },
  { origin: "null" },
];

for (const cors of ["loopback", "*", "none", NAMED]) {
  Deno.test(`with --cors ${cors} other sites get at nothing that the page uses`, async () => {
    const served = await filled(cors);
    for (const [method, path, body] of REQUESTS) {
      for (const foreign of FOREIGN) {
        const answer = await served.send(method, path, { ...JSON_TYPE, ...foreign }, body);
        equal(answer.status, 403, `${method} ${path} ${JSON.stringify(foreign)}`);
        equal(/origin_not_allowed/i.test(await answer.text()), true);
      }
    }
    for (const [method, path] of REQUESTS.filter(([method]) => method === "GET")) {
      const answer = await served.send(method, path, { "sec-fetch-site": "cross-site" });
      await expectError(
        answer,
        403,
        path.includes("subs") ? "ORIGIN_NOT_ALLOWED" : "origin_not_allowed",
      );
    }
    const { subscriptions } = await (await served.get("__ds/subscriptions")).json();
    equal(subscriptions.length, 1, "nothing was made and nothing deleted");
  });
}

Deno.test("the page's own origin, and one that is named, get at what it uses", async () => {
  const served = await filled(`*,${NAMED}`);
  for (const origin of ["http://localhost", NAMED]) {
    for (const path of ["__ds/page/streams", "__ds/page/stream?name=a"]) {
      const answer = await served.get(path, { origin });
      equal(answer.status, 200, `${origin} ${path}`);
      await answer.body?.cancel();
    }
  }
  const proxied = { origin: "https://outer.example", "sec-fetch-site": "same-origin" };
  equal((await served.get("__ds/page/streams", proxied)).status, 200);
});
