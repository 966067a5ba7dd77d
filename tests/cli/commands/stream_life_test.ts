import { deepEqual, equal, match } from "node:assert/strict";
import { CommandKit } from "./command_kit.ts";

Deno.test("create says nothing, and again for the same stream neither", async () => {
  const kit = new CommandKit();
  const args = ["create", "a/b", "--content-type", "text/plain", "--ttl", "1h", "--data", "hello"];
  equal(await kit.ok(args), "");
  equal(await kit.ok(args), "");
  equal(await kit.fixture.content("a/b"), "hello");
});

Deno.test("create over a stream with other properties exits 4 and says which", async () => {
  const kit = new CommandKit();
  await kit.ok(["create", "a", "--content-type", "text/plain"]);
  const { code, stderr } = await kit.run(["create", "a", "--content-type", "application/json"]);
  equal(code, 4);
  match(stderr, /^durable-streams: .*another content type, text\/plain$/);
});

Deno.test("create takes its content from stdin where --data is -", async () => {
  const kit = new CommandKit();
  await kit.ok(["create", "a", "--data", "-", "--closed"], { input: ["one\n", "two\n"] });
  equal(await kit.fixture.content("a"), "one\ntwo\n");
  equal((await kit.fixture.head("a")).headers.get("stream-closed"), "true");
});

Deno.test("create --json tells what the stream is and whether it is new", async () => {
  const kit = new CommandKit();
  const args = ["create", "a", "--content-type", "text/plain", "--ttl", "60s", "--json"];
  const first: unknown = JSON.parse(await kit.ok(args));
  const nextOffset = kit.fixture.offset(0);
  const info = { name: "a", contentType: "text/plain", nextOffset, closed: false };
  deepEqual(first, { ...info, ttlSeconds: 60, created: true });
  const again: unknown = JSON.parse(await kit.ok(args));
  deepEqual(again, { ...info, ttlSeconds: 60, created: false });
});

Deno.test("create rejects two ends, and an end within a second", async () => {
  const kit = new CommandKit();
  const both = await kit.run([
    "create",
    "a",
    "--ttl",
    "1h",
    "--expires-at",
    "2030-01-31T12:00:00Z",
  ]);
  equal(both.code, 2);
  match(both.stderr, /--ttl and --expires-at both/);
  for (const ttl of ["1500ms", "500ms", "60"]) {
    const { code, stderr } = await kit.run(["create", "a", "--ttl", ttl]);
    equal(code, 2, ttl);
    match(stderr, /--ttl is ".*"; accepted: 1s to/);
  }
  const date = await kit.run(["create", "a", "--expires-at", "tomorrow"]);
  match(date.stderr, /--expires-at is "tomorrow"; accepted: an RFC 3339 time/);
});

Deno.test("head prints lines for people, and JSON for machines", async () => {
  const kit = new CommandKit();
  await kit.ok(["create", "a", "--content-type", "text/plain", "--ttl", "1m", "--data", "hello"]);
  const lines = (await kit.ok(["head", "a"])).split("\n");
  deepEqual(lines, [
    "content-type  text/plain",
    `next-offset   ${kit.fixture.offset(5)}`,
    "closed        no",
    "ttl           60s",
    "",
  ]);
  const info: unknown = JSON.parse(await kit.ok(["head", "a", "--json"]));
  deepEqual(info, {
    name: "a",
    contentType: "text/plain",
    nextOffset: kit.fixture.offset(5),
    closed: false,
    ttlSeconds: 60,
  });
});

Deno.test("head has colours on a terminal only, and not where someone said no", async () => {
  const kit = new CommandKit();
  await kit.ok(["create", "a"]);
  const colours = (text: string) => text.includes("\x1b[");
  const terminals = ["output"] as const;
  equal(colours(await kit.ok(["head", "a"])), false);
  equal(colours(await kit.ok(["head", "a"], { terminals })), true);
  equal(colours(await kit.ok(["head", "a", "--no-color"], { terminals })), false);
  const environment = { NO_COLOR: "1" };
  equal(colours(await kit.ok(["head", "a"], { terminals, environment })), false);
});

Deno.test("close closes, and again is fine; appending then exits 4", async () => {
  const kit = new CommandKit();
  await kit.ok(["create", "a", "--content-type", "text/plain"]);
  await kit.ok(["close", "a"]);
  await kit.ok(["close", "a"]);
  const { code, stderr } = await kit.run(["append", "a", "--data", "x"]);
  equal(code, 4);
  equal(stderr, 'durable-streams: "a" is closed: it takes no more appends');
});

Deno.test("delete deletes; what isn't there exits 3, for every command", async () => {
  const kit = new CommandKit();
  await kit.ok(["create", "a"]);
  await kit.ok(["delete", "a"]);
  const commands = [
    ["delete", "a"],
    ["read", "a"],
    ["tail", "a"],
    ["tail", "-f", "a"],
    ["head", "a"],
    ["close", "a"],
    ["append", "a", "--no-create", "--data", "x"],
    ["fork", "a", "b"],
  ];
  for (const args of commands) {
    const { code, stdout, stderr } = await kit.run(args);
    equal(code, 3, `${args.join(" ")}: ${stderr}`);
    equal(stdout, "");
    match(stderr, /^durable-streams: no stream "a" at http:\/\/localhost:4437\/v1\/stream; /);
  }
});

Deno.test("fork branches off at the tail, or at a place that read printed", async () => {
  const kit = new CommandKit();
  await kit.ok(["append", "a", "--json", "--lines"], { input: "1\n2\n3\n4\n" });
  await kit.ok(["fork", "a", "whole"]);
  equal(await kit.ok(["read", "whole"]), "1\n2\n3\n4\n");

  const [, second = ""] = (await kit.ok(["read", "a", "--json"])).split("\n");
  const { place }: { place: string } = JSON.parse(second);
  await kit.ok(["fork", "a", "half", "--offset", place]);
  equal(await kit.ok(["read", "half"]), "1\n2\n");
  await kit.ok(["fork", "a", "three", "--offset", place, "--sub-offset", "1"]);
  equal(await kit.ok(["read", "three"]), "1\n2\n3\n");

  const { code, stderr } = await kit.run(["fork", "a", "b", "--sub-offset", "1"]);
  equal(code, 2);
  match(stderr, /--sub-offset counts from --offset/);
});

Deno.test("streams may be named by their URLs, which leave --url unread", async () => {
  const kit = new CommandKit();
  const base = "http://localhost/v1/stream";
  await kit.ok(["append", `${base}/a%20b/c`, "--data", "x", "--url", "http://other/v1/stream"]);
  equal(await kit.ok(["read", "a b/c"]), "x");
  await kit.ok(["fork", `${base}/a%20b/c`, `${base}/copy`]);
  equal(await kit.ok(["read", "copy"]), "x");

  for (const other of ["copy", "http://other/v1/stream/copy"]) {
    const { code, stderr } = await kit.run(["fork", `${base}/a%20b/c`, other]);
    equal(code, 2);
    match(stderr, /can't go together; accepted: two names, or two URLs of one server/);
  }
  for (const url of [`${base}/a?offset=-1`, `${base}/a#b`, `${base}/%ff`]) {
    const { code, stderr } = await kit.run(["read", url]);
    equal(code, 2);
    match(stderr, /is no stream's URL; accepted: one without a query/);
  }
});

Deno.test("delete takes several streams, and what is missing keeps none of the others", async () => {
  const kit = new CommandKit();
  for (const name of ["a", "b"]) await kit.ok(["create", name]);
  const { code, stdout, stderr } = await kit.run(["delete", "a", "none", "b"]);
  deepEqual([code, stdout], [3, ""]);
  match(stderr, /^durable-streams: no stream "none" at /);
  equal(await kit.ok(["list"]), "");
});

Deno.test("delete --prefix deletes what begins so, and --dry-run only names it", async () => {
  const kit = new CommandKit();
  for (const name of ["logs/a", "logs/b", "logsx"]) await kit.ok(["create", name]);
  equal(await kit.ok(["delete", "--prefix", "logs/", "--dry-run"]), "logs/a\nlogs/b\n");
  equal(await kit.ok(["list"]), "logs/a\nlogs/b\nlogsx\n");
  equal(await kit.ok(["delete", "--prefix", "logs/"]), "logs/a\nlogs/b\n");
  equal(await kit.ok(["list"]), "logsx\n");
  const again = await kit.run(["delete", "--prefix", "logs/"]);
  deepEqual([again.code, again.stdout], [3, ""]);
});

Deno.test("delete rejects an empty prefix, and --prefix beside a stream", async () => {
  const kit = new CommandKit();
  await kit.ok(["create", "a"]);
  const refusals: [string[], RegExp][] = [
    [["--prefix", ""], /--prefix is ""; accepted: what names begin with.* never nothing/],
    [["--prefix", "b", "a"], /PATH and --prefix both say which streams/],
    [["a", "--dry-run"], /--dry-run says what --prefix would delete/],
    [[], /delete needs PATH/],
  ];
  for (const [args, why] of refusals) {
    const { code, stderr } = await kit.run(["delete", ...args]);
    equal(code, 2, args.join(" "));
    match(stderr, why);
  }
  equal(await kit.ok(["list"]), "a\n");
});
