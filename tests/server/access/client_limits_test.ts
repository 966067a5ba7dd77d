import { equal } from "node:assert/strict";
import { GuardedFixture } from "./authority.ts";

async function limited(): Promise<GuardedFixture> {
  const served = new GuardedFixture({
    clientLimits: { requests: { perSecond: 1, burst: 2 } },
    trustProxy: true,
  });
  await served.storage.create("a", { contentType: "text/plain" });
  return served;
}

Deno.test("a client is its token's subject, whatever address it comes from", async () => {
  const served = await limited();
  const anna = served.authority.token("anna", ["read **"]);
  const berta = served.authority.token("berta", ["read **"]);
  const at = (address: string) => ({ "x-forwarded-for": address });
  for (const address of ["198.51.100.1", "198.51.100.2"]) {
    equal((await served.get("a", { ...anna, ...at(address) })).status, 200);
  }
  equal((await served.get("a", { ...anna, ...at("198.51.100.3") })).status, 429);
  equal((await served.get("a", { ...berta, ...at("198.51.100.1") })).status, 200);
});

Deno.test("who shows nothing good is limited as an address, and takes nothing from those who do", async () => {
  const served = await limited();
  const anna = served.authority.token("anna", ["read **"]);
  const here = { "x-forwarded-for": "198.51.100.1" };
  for (const status of [401, 401, 429]) equal((await served.get("a", here)).status, status);
  const faulty = { ...here, authorization: "Bearer other" };
  equal((await served.get("a", faulty)).status, 429);
  equal((await served.get("a", { ...here, ...anna })).status, 200);
});

Deno.test("the health and the metrics are told under any load, to whoever may know", async () => {
  const served = await limited();
  for (let i = 0; i < 4; i++) {
    equal((await served.get("/health/ready")).status, 200);
    equal((await served.get("/health", served.root)).status, 200);
    equal((await served.get("/metrics", served.root)).status, 200);
    equal((await served.get("/metrics", served.authority.token("anna", ["read **"]))).status, 403);
  }
});

Deno.test("a request without credentials counts as one error, also where its client is at its limit", async () => {
  const served = await limited();
  for (const status of [401, 401, 429]) equal((await served.get("a")).status, status);
  const metrics = await (await served.get("/metrics", served.root)).text();
  const count = (code: string) =>
    new RegExp(`^durable_streams_errors_total\\{code="${code}"\\} (\\d+)$`, "m").exec(metrics)?.[1];
  equal(count("unauthenticated"), "2");
  equal(count("too_many_requests"), "1");
});
