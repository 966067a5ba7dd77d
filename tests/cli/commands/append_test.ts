import { deepEqual, equal, match, ok } from "node:assert/strict";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { CommandKit } from "./command_kit.ts";

/** An app's `fetch` that notes what goes through it. */
function recording(kit: CommandKit) {
  const requests: { method: string; headers: Headers; body: string }[] = [];
  const fetch = async (url: string, init: RequestInit) => {
    const request = new Request(url, init);
    requests.push({
      method: request.method,
      headers: request.headers,
      body: await request.clone().text(),
    });
    return await kit.fixture.app.request(request);
  };
  return { requests, fetch };
}

Deno.test("append creates the stream and appends all of stdin at once", async () => {
  const kit = new CommandKit();
  const { requests, fetch } = recording(kit);
  equal(await kit.ok(["append", "a"], { input: ["one\n", "two\n"], fetch }), "");
  equal(await kit.fixture.content("a"), "one\ntwo\n");
  deepEqual(requests.map(({ method }) => method), ["HEAD", "PUT", "POST"]);
  equal((await kit.fixture.head("a")).headers.get("content-type"), "text/plain; charset=utf-8");
});

Deno.test("append creates JSON with --json, any type with --content-type, nothing with --no-create", async () => {
  const kit = new CommandKit();
  await kit.ok(["append", "j", "--json", "--data", '[1,{"a":2}]']);
  equal(await kit.ok(["read", "j"]), '1\n{"a":2}\n');
  await kit.ok(["append", "b", "--content-type", "application/x-thing", "--data", "x"]);
  equal((await kit.fixture.head("b")).headers.get("content-type"), "application/x-thing");
  equal((await kit.run(["append", "c", "--no-create", "--data", "x"])).code, 3);
  equal((await kit.fixture.head("c")).status, 404);
});

Deno.test("append of nothing is fine and appends nothing", async () => {
  const kit = new CommandKit();
  await kit.ok(["append", "a"]);
  await kit.ok(["append", "a", "--lines"]);
  await kit.ok(["append", "a", "--lines", "--producer", "p"]);
  equal(await kit.fixture.content("a"), "");
});

Deno.test("append rejects a stream of another kind with 4", async () => {
  const kit = new CommandKit();
  await kit.ok(["create", "a", "--content-type", "text/plain"]);
  const json = await kit.run(["append", "a", "--json", "--data", "1"]);
  equal(json.code, 4);
  match(json.stderr, /"a" is text\/plain, not JSON: leave out --json/);
  const typed = await kit.run(["append", "a", "--content-type", "text/html", "--data", "1"]);
  equal(typed.code, 4);
  match(typed.stderr, /text\/html.*text\/plain/);
});

Deno.test("append --seq rejects what isn't greater with 4", async () => {
  const kit = new CommandKit();
  await kit.ok(["append", "a", "--seq", "b", "--data", "x"]);
  const { code } = await kit.run(["append", "a", "--seq", "b", "--data", "y"]);
  equal(code, 4);
  await kit.ok(["append", "a", "--seq", "c", "--data", "z"]);
  equal(await kit.fixture.content("a"), "xz");
});

Deno.test("append --close closes in the same step, also without content", async () => {
  const kit = new CommandKit();
  const { requests, fetch } = recording(kit);
  await kit.ok(["append", "a", "--close", "--data", "x"], { fetch });
  deepEqual(requests.map(({ method }) => method), ["HEAD", "PUT", "POST"]);
  await kit.ok(["append", "b", "--close"]);
  for (const name of ["a", "b"]) {
    equal((await kit.fixture.head(name)).headers.get("stream-closed"), "true");
  }
});

Deno.test("append --producer run again appends nothing twice, whole or closing", async () => {
  const kit = new CommandKit();
  for (const close of [[], ["--close"]]) {
    const name = `a${close.length}`;
    const args = ["append", name, "--producer", "job 7", "--data", "x", ...close];
    await kit.ok(args);
    await kit.ok(args);
    equal(await kit.fixture.content(name), "x");
  }
});

Deno.test("append --lines keeps every byte, and line ends with it", async () => {
  const kit = new CommandKit();
  const input = ["a\nb", "c\r\n\n", "d", "\n", "no end"];
  await kit.ok(["append", "a", "--lines"], { input });
  equal(await kit.fixture.content("a"), input.join(""));
});

Deno.test("append --lines of JSON is a message a line, blank ones left out", async () => {
  const kit = new CommandKit();
  const input = ['{"a": 1}\n \t\n[1,', "2]\r\n12345678901234567890\n", '"end"'];
  await kit.ok(["append", "a", "--lines", "--json"], { input });
  equal(await kit.ok(["read", "a"]), '{"a": 1}\n[1,2]\n12345678901234567890\n"end"\n');
});

Deno.test("append --lines names the line that is not JSON and keeps those before it", async () => {
  const kit = new CommandKit();
  const input = "1\n\n{bad}\n4\n";
  const { code, stderr } = await kit.run(["append", "a", "--lines", "--json"], { input });
  equal(code, 1);
  match(stderr, /^durable-streams: line 3: .*the lines before it are appended, and none after it$/);
  equal(await kit.fixture.content("a"), "[1]");
});

Deno.test("append --lines names the line that begins with a byte order mark", async () => {
  const kit = new CommandKit();
  const input = "1\n\ufeff2\n";
  const { code, stderr } = await kit.run(["append", "a", "--lines", "--json"], { input });
  equal(code, 1);
  match(stderr, /line 2: .*begins with a byte order mark \(EF BB BF\): send it without; the lines/);
  const whole = await kit.run(["append", "a", "--json"], { input: "\ufeff3\n" });
  equal(whole.code, 1);
  match(whole.stderr, /begins with a byte order mark \(EF BB BF\): send it without/);
  equal(await kit.fixture.content("a"), "[1]");
});

Deno.test("append --lines names the line that is longer than the server takes, and its length", async () => {
  const kit = new CommandKit({ maxAppendBytes: 3 * 2 ** 20 });
  const value = (bytes: number) => `"${"x".repeat(bytes - 3)}"\n`;
  const input = ["1\n", value(2 * 2 ** 20), "\n", value(4 * 2 ** 20), value(2 * 2 ** 20), "6\n"];
  const { code, stderr } = await kit.run(["append", "a", "--lines", "--json"], { input });
  equal(code, 1);
  match(
    stderr,
    /^durable-streams: line 4 has 4194304 bytes, and the server takes less: The body .*is longer than 3145728 bytes.* \(.*not appended.*\)$/,
  );
});

Deno.test("append --lines says that batches are too long where no line is", async () => {
  const kit = new CommandKit({ maxAppendBytes: 4096 });
  const { code, stderr } = await kit.run(["append", "a", "--lines"], { input: "x\n".repeat(5000) });
  equal(code, 1);
  match(
    stderr,
    /lines go in batches of up to 1MiB, and the server takes less: The body .*is longer/,
  );
});

Deno.test("append --lines names the line of JSON that has no end", async () => {
  const kit = new CommandKit();
  const chunk = encodeUtf8("x".repeat(16 * 2 ** 20));
  function* endless() {
    yield encodeUtf8('1\n\n"');
    for (let i = 0; i < 20; i++) yield chunk;
  }
  const { code, stderr } = await kit.run(["append", "a", "--lines", "--json"], {
    input: endless(),
  });
  equal(code, 1);
  match(stderr, /line 3: it has 256MiB and no end yet, .*; the lines before it are appended/);
  equal(await kit.fixture.content("a"), "[1]");
});

Deno.test("append --lines --producer can be put right and run again after a bad line", async () => {
  const kit = new CommandKit();
  const args = ["append", "a", "--lines", "--json", "--producer", "p"];
  const { code, stderr } = await kit.run(args, { input: "1\n2\n{bad}\n4\n" });
  equal(code, 1);
  match(stderr, /line 3: .*correct it and run this again/);
  await kit.ok(args, { input: "1\n2\n3\n4\n" });
  equal(await kit.ok(["read", "a"]), "1\n2\n3\n4\n");
});

Deno.test("append --lines --producer cuts batches by the input alone", async () => {
  const lines = Array.from({ length: 25_000 }, (_, i) => `${i}\n`);
  const bodies: string[][] = [];
  for (const size of [499, 997, 25_000]) {
    const kit = new CommandKit();
    const { requests, fetch } = recording(kit);
    const clock = new ManualClock();
    const around = { input: slowly(lines, size, clock), fetch, clock };
    await kit.ok(["append", "a", "--lines", "--producer", "p"], around);
    const posts = requests.filter(({ method }) => method === "POST");
    posts.sort((a, b) => seqOf(a.headers) - seqOf(b.headers));
    deepEqual(posts.map(({ headers }) => seqOf(headers)), [0, 1, 2]);
    bodies.push(posts.map(({ body }) => body));
  }
  const [first] = bodies;
  equal(first?.join(""), lines.join(""));
  for (const other of bodies) ok(other.every((body, i) => body === first?.[i]));
});

/** So many lines at a time, and time that passes in between. */
function* slowly(lines: readonly string[], size: number, clock: ManualClock): Iterable<string> {
  for (let at = 0; at < lines.length; at += size) {
    yield lines.slice(at, at + size).join("");
    clock.advance(100);
  }
}

function seqOf(headers: Headers): number {
  return Number(headers.get("producer-seq"));
}

Deno.test("append --lines --producer run again over the same input appends nothing", async () => {
  const kit = new CommandKit();
  const input = Array.from({ length: 12_345 }, (_, i) => `${i}\n`).join("");
  const args = ["append", "a", "--lines", "--producer", "p"];
  await kit.ok(args, { input });
  await kit.ok(args, { input });
  equal(await kit.ok(["read", "a"]), input);
  await kit.ok([...args, "--epoch", "1"], { input });
  equal(await kit.ok(["read", "a"]), input + input);
  const { code, stderr } = await kit.run(args, { input });
  equal(code, 4);
  match(stderr, /another run has taken over this producer, with epoch 1; --epoch 2 takes it back/);
});

Deno.test("append --lines --producer --close run again is fine, and not with other input", async () => {
  const kit = new CommandKit();
  const input = Array.from({ length: 10_001 }, (_, i) => `${i}\n`).join("");
  const args = ["append", "a", "--lines", "--producer", "p", "--close"];
  await kit.ok(args, { input });
  await kit.ok(args, { input });
  equal(await kit.ok(["read", "a"]), input);
  const { code } = await kit.run(args, { input: "short\n" });
  equal(code, 4);
});

Deno.test("append --lines cuts a line of any length, bytes unchanged", async () => {
  const kit = new CommandKit();
  const line = "x".repeat(2.5 * 2 ** 20);
  await kit.ok(["append", "a", "--lines"], { input: [line, "\n", "y\n"] });
  equal(await kit.ok(["read", "a"]), `${line}\ny\n`);
});

Deno.test("append --lines continues through failures and says that it waits", async () => {
  const kit = new CommandKit();
  let failures = 0;
  const fetch = async (url: string, init: RequestInit) => {
    if (init.method === "POST" && failures++ < 3) throw new TypeError("connection reset");
    return await kit.fixture.app.request(url, init);
  };
  const { code, stderr } = await kit.run(["append", "a", "--lines"], { input: "1\n2\n", fetch });
  equal(code, 0);
  equal(
    stderr,
    "durable-streams: waiting for http://localhost:4437/v1/stream, which doesn't answer …\n" +
      "durable-streams: http://localhost:4437/v1/stream is back",
  );
  equal(await kit.fixture.content("a"), "1\n2\n");
});

Deno.test("append --lines tells how much is lost where the stream was closed meanwhile", async () => {
  const kit = new CommandKit();
  const fetch = async (url: string, init: RequestInit) => {
    if (init.method === "POST") await kit.fixture.post("a", { "stream-closed": "true" });
    return await kit.fixture.app.request(url, init);
  };
  const { code, stderr } = await kit.run(["append", "a", "--lines"], { input: "1\n2\n", fetch });
  equal(code, 4);
  match(stderr, /"a" is closed: .* \(2 messages not appended\)$/);
});

Deno.test("a plain append isn't sent twice where its answer is missing, and exits 5", async () => {
  const kit = new CommandKit();
  let posts = 0;
  const fetch = async (url: string, init: RequestInit) => {
    const answer = await kit.fixture.app.request(url, init);
    if (init.method !== "POST") return answer;
    posts++;
    throw new TypeError("connection reset");
  };
  const { code, stderr } = await kit.run(["append", "a", "--data", "x"], { fetch });
  equal(code, 5);
  equal(posts, 1);
  match(
    stderr,
    /^durable-streams: \S+ gave no answer, so it may or may not have been appended; --producer ID/,
  );
});

Deno.test("append reads no more of stdin than one append may hold", async () => {
  const kit = new CommandKit();
  const chunk = encodeUtf8("y\n".repeat(8 * 2 ** 20));
  let read = 0;
  function* endless() {
    for (; read < 1_000; read++) yield chunk;
  }
  const { code, stderr } = await kit.run(["append", "a"], { input: endless() });
  equal(code, 1);
  equal(read, 16);
  match(stderr, /stdin has more than 256MiB, .*--lines appends any amount/);
  equal((await kit.fixture.head("a")).status, 404);
});

Deno.test("append says that --lines fits where the server takes less", async () => {
  const kit = new CommandKit({ maxAppendBytes: 10 });
  const { code, stderr } = await kit.run(["append", "a"], { input: "0123456789a" });
  equal(code, 1);
  match(stderr, /--lines appends any amount, in batches$/);
});

Deno.test("append rejects flags that don't go together", async () => {
  const kit = new CommandKit();
  const cases: readonly (readonly [string[], RegExp])[] = [
    [["--lines", "--data", "x"], /--data is one append, and --lines reads stdin/],
    [["--lines", "--seq", "x"], /--seq goes with one append/],
    [["--epoch", "1"], /--epoch needs --producer/],
    [["--producer", ""], /--producer is ""; accepted: a name of your choice/],
    [["--seq", "→"], /--seq is "→"; accepted: text in ASCII/],
    [["--content-type", "text"], /--content-type is "text"; accepted: a media type/],
    [["--header", "X: →"], /--header is "X: →"; accepted: Name: value, in Latin-1/],
    [["--header", "X"], /--header is "X"; accepted: Name: value/],
  ];
  for (const [flags, message] of cases) {
    const { code, stderr } = await kit.run(["append", "a", ...flags]);
    equal(code, 2, stderr);
    match(stderr, message);
  }
});

Deno.test("append --lines says that it waits for a server that takes no more producers, and exits 5", async () => {
  const kit = new CommandKit({ memory: { maxProducersPerStream: 1 } });
  const append = (...flags: string[]) =>
    kit.run(["append", "a", "--lines", "--retry", "0s", ...flags], { input: "1\n" });
  equal((await append()).code, 0);
  const { code, stderr } = await append();
  equal(code, 5);
  match(stderr, /^durable-streams: waiting for \S+, which answers 429 …\n/);
  match(stderr, /limits such requests for now: The stream has 1 producers, as many as it may/);
});
