import { deepEqual, equal, match } from "node:assert/strict";
import { CommandKit } from "./command_kit.ts";

async function kitWithJobs(): Promise<CommandKit> {
  const kit = new CommandKit();
  await kit.ok(["subscription", "create", "jobs", "--pattern", "jobs/*", "--wake-stream", "wakes"]);
  return kit;
}

Deno.test("subscription create makes the wake stream where it is missing, and confirms", async () => {
  const kit = await kitWithJobs();
  match(await kit.ok(["head", "wakes"]), /content-type +application\/json/);
  const args = ["subscription", "create", "jobs", "--pattern", "jobs/*", "--wake-stream", "wakes"];
  equal(await kit.ok(args), "");
  const confirmed = JSON.parse(await kit.ok([...args, "--json"]));
  equal(confirmed.created, false);
  equal(confirmed.leaseMs, 30_000);
  const { code, stderr } = await kit.run([...args, "--lease", "5s"]);
  equal(code, 4);
  match(stderr, /^durable-streams: .*jobs/);
});

Deno.test("subscription create takes streams, a webhook, a lease and a description", async () => {
  const kit = new CommandKit();
  const made = await kit.ok([
    ...["subscription", "create", "mail", "orders", "bills/é", "--webhook"],
    ...["https://mail.example/hook", "--lease", "1m", "--description", "for people", "--json"],
  ]);
  const { createdAt, streams, ...rest } = JSON.parse(made);
  equal(createdAt, "2026-01-01T00:00:00.000Z");
  deepEqual(streams.map(({ path }: { path: string }) => path), ["bills/é", "orders"]);
  deepEqual(rest, {
    id: "mail",
    type: "webhook",
    status: "active",
    webhookUrl: "https://mail.example/hook",
    jwksUrl: "http://localhost:4437/v1/stream/__ds/jwks.json",
    leaseMs: 60_000,
    description: "for people",
    created: true,
  });
  match(await kit.ok(["subscription", "show", "mail"]), /^lease +1m$/m);
});

Deno.test("subscription show prints a line for each property and stream, or JSON", async () => {
  const kit = await kitWithJobs();
  await kit.ok(["append", "jobs/1", "--data", "hello"]);
  const lines = (await kit.ok(["subscription", "show", "jobs"])).trimEnd().split("\n");
  deepEqual(lines, [
    "type          pull-wake",
    "status        active",
    "pattern       jobs/*",
    "wake-stream   wakes",
    "lease         30s",
    "created-at    2026-01-01T00:00:00.000Z",
    "stream        -1  glob      jobs/1",
  ]);
  const { streams } = JSON.parse(await kit.ok(["subscription", "show", "jobs", "--json"]));
  deepEqual(streams, [{ path: "jobs/1", linkType: "glob", ackedOffset: "-1" }]);
});

Deno.test("subscription list prints the ids, or an object a line", async () => {
  const kit = await kitWithJobs();
  await kit.ok(["subscription", "create", "b", "a", "--wake-stream", "wakes"]);
  equal(await kit.ok(["subscription", "list"]), "b\njobs\n");
  const [first = ""] = (await kit.ok(["subscription", "list", "--json"])).split("\n");
  equal(JSON.parse(first).id, "b");
  const closed = new CommandKit({ listing: false });
  const { code, stderr } = await closed.run(["subscription", "list"]);
  equal(code, 1);
  match(stderr, /lists no subscriptions: .*--listing/);
});

Deno.test("subscription delete deletes, and exits 3 where there is none", async () => {
  const kit = await kitWithJobs();
  equal(await kit.ok(["subscription", "delete", "jobs"]), "");
  for (const action of ["delete", "show"]) {
    const { code, stderr } = await kit.run(["subscription", action, "jobs"]);
    equal(code, 3);
    match(stderr, /no subscription "jobs"/);
  }
});

Deno.test("subscription rotate-key says which key signs from when on, and 4 while one waits", async () => {
  const kit = new CommandKit();
  const args = ["subscription", "rotate-key"];
  match(await kit.ok(args), /^ds_\S{43} signs from 2026-01-01T00:05:00\.000Z on\n$/);
  equal((await kit.run(args)).code, 4);
  kit.fixture.clock.advance(300_000);
  const rotation = JSON.parse(await kit.ok([...args, "--json"]));
  equal(rotation.signsFrom, "2026-01-01T00:10:00.000Z");
});

Deno.test("what subscription can't do, and what doesn't belong to an action, exits 2", async () => {
  const kit = new CommandKit();
  const refused = async (args: readonly string[], says: RegExp) => {
    const { code, stderr } = await kit.run(["subscription", ...args]);
    equal(code, 2, stderr);
    match(stderr, says);
  };
  await refused([], /needs ACTION, create, list, show, delete, rotate-key/);
  await refused(["renew"], /can't "renew"; accepted: create, list/);
  await refused(["constructor"], /accepted: create, list/);
  await refused(["show"], /show needs ID: durable-streams subscription show ID/);
  await refused(["show", "a", "b"], /show takes no "b"/);
  await refused(["list", "a"], /list takes no "a"/);
  await refused(["show", "a", "--pattern", "x"], /--pattern is for subscription create/);
  await refused(["create", "a", "--pattern", "x"], /either --webhook or --wake-stream/);
  await refused(["create", "a", "--wake-stream", "w"], /--pattern or PATH/);
  await refused(["create", "a", "--lease", "10ms"], /--lease is "10ms"/);
  await refused(["create", "a/b", "c", "--wake-stream", "w"], /id is "a\/b"/);
});

Deno.test("a server that can't be reached is told after a second, with exit code 5", async () => {
  const kit = new CommandKit();
  const fetch = () => Promise.reject(new TypeError("refused"));
  for (const args of [["subscription", "show", "a"], ["worker", "a", "--", "cat"]]) {
    const { code, stderr } = await kit.run([...args, "--retry", "0s"], { fetch });
    equal(code, 5);
    match(stderr, /can't reach http:\/\/localhost:4437\/v1\/stream: is the server running\?/);
  }
});
