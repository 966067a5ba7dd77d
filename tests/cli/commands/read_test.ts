import { deepEqual, equal, match, ok } from "node:assert/strict";
import { ManualClock } from "../../support/manual_clock.ts";
import { CommandKit } from "./command_kit.ts";

const SMALL_CHUNKS = { chunkBytes: 4_096 };

function numbers(count: number): string {
  return Array.from({ length: count }, (_, i) => `${i + 1}\n`).join("");
}

function objectsIn(text: string): { offset: string; [name: string]: unknown }[] {
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

Deno.test("read writes all bytes as they are, over many answers", async () => {
  const kit = new CommandKit(SMALL_CHUNKS);
  await kit.fill("a", numbers(10_000));
  equal(await kit.ok(["read", "a"]), numbers(10_000));
});

Deno.test("read of JSON writes a message a line, as it is stored", async () => {
  const kit = new CommandKit(SMALL_CHUNKS);
  await kit.ok(["append", "a", "--lines", "--json"], { input: numbers(5_000) });
  equal(await kit.ok(["read", "a"]), numbers(5_000));
});

Deno.test("read of JSON keeps a message on one line that another server spread over several", async () => {
  const kit = new CommandKit();
  const headers = { "content-type": "application/json", "stream-next-offset": "x" };
  const body = '[{\n  "a":\r\n 1,"b":"\\n"}]';
  const fetch = () => new Response(body, { headers: { ...headers, "stream-up-to-date": "true" } });
  equal(await kit.ok(["read", "a"], { fetch }), '{   "a":   1,"b":"\\n"}\n');
});

Deno.test("read of an empty stream writes nothing", async () => {
  const kit = new CommandKit();
  await kit.ok(["create", "a"]);
  equal(await kit.ok(["read", "a"]), "");
  equal(await kit.ok(["read", "a", "--json"]), "");
});

Deno.test("read --limit ends after so many messages, of text lines", async () => {
  const kit = new CommandKit(SMALL_CHUNKS);
  await kit.fill("text", numbers(5_000));
  await kit.ok(["append", "json", "--lines", "--json"], { input: numbers(5_000) });
  for (const name of ["text", "json"]) {
    for (const limit of [1, 2, 3_000, 5_000, 9_999]) {
      const read = await kit.ok(["read", name, "--limit", String(limit)]);
      equal(read, numbers(Math.min(limit, 5_000)), `${name} ${limit}`);
    }
  }
  const { code } = await kit.run(["read", "text", "--limit", "0"]);
  equal(code, 2);
});

Deno.test("read --limit asks for little more than it prints", async () => {
  const kit = new CommandKit(SMALL_CHUNKS);
  await kit.fill("a", numbers(5_000));
  let requests = 0;
  const fetch = async (url: string, init: RequestInit) => {
    requests++;
    return await kit.fixture.app.request(url, init);
  };
  await kit.ok(["read", "a", "--limit", "3"], { fetch });
  equal(requests, 2);
});

Deno.test("read --json gives each message with the offset from which to continue", async () => {
  const kit = new CommandKit();
  await kit.ok(["append", "a", "--lines", "--json"], { input: '{"n":1}\n[2]\n3\n' });
  const objects = objectsIn(await kit.ok(["read", "a", "--json"]));
  deepEqual(objects.map(({ value }) => value), [{ n: 1 }, [2], 3]);
  // The server gave an offset for the end only: what stands between messages is no other client's.
  deepEqual(objects.map((object) => Object.keys(object)), [
    ["place", "value"],
    ["place", "value"],
    ["offset", "value"],
  ]);
  for (const [index, { offset, place }] of objects.entries()) {
    const rest = await kit.ok(["read", "a", "--from", String(offset ?? place)]);
    equal(rest, ['{"n":1}\n', "[2]\n", "3\n"].slice(index + 1).join(""));
  }
});

Deno.test("read --json keeps numbers that JavaScript would round", async () => {
  const kit = new CommandKit();
  await kit.ok(["append", "a", "--json", "--data", "[12345678901234567890]"]);
  match(await kit.ok(["read", "a", "--json"]), /"value":12345678901234567890\}\n$/);
});

Deno.test("read --json gives text as text where it is UTF-8, and all else in base64", async () => {
  const kit = new CommandKit();
  await kit.ok(["append", "text", "--data", 'a "ü"\n']);
  await kit.ok(["append", "cut"], { input: [new Uint8Array([0x61, 0xc3])] });
  await kit.ok(["append", "bytes", "--content-type", "image/png", "--data", "abc"]);
  const first = async (name: string) => objectsIn(await kit.ok(["read", name, "--json"]))[0];
  deepEqual(await first("text"), { offset: kit.fixture.offset(7), text: 'a "ü"\n' });
  deepEqual(await first("cut"), { offset: kit.fixture.offset(2, 2), base64: "YcM=" });
  deepEqual(await first("bytes"), { offset: kit.fixture.offset(3, 3), base64: "YWJj" });
});

Deno.test("read --from begins at an offset, at the start or at the tail", async () => {
  const kit = new CommandKit();
  await kit.ok(["append", "a", "--data", "hello"]);
  equal(await kit.ok(["read", "a", "--from", "start"]), "hello");
  equal(await kit.ok(["read", "a", "--from", "-1"]), "hello");
  equal(await kit.ok(["read", "a", "--from", kit.fixture.offset(2)]), "llo");
  equal(await kit.ok(["read", "a", "--from", "now"]), "");
});

Deno.test("read --from a time leaves out nothing that was written since", async () => {
  const kit = new CommandKit();
  const { clock } = kit.fixture;
  const line = `${"x".repeat(8_191)}\n`;
  await kit.ok(["append", "a", "--data", line]);
  clock.advance(60_000);
  const middle = new Date(clock.nowMs()).toISOString();
  await kit.ok(["append", "a", "--data", line]);
  clock.advance(60_000);
  const read = (from: string) => kit.ok(["read", "a", "--from", from], { clock });
  equal((await read("2020-01-01T00:00:00Z")).length, 2 * line.length);
  equal((await read(middle)).length, line.length);
  equal((await read("90s")).length, line.length);
  const minute = middle.replace(/:\d\d\.\d+Z$/, "Z");
  equal((await read(minute)).length, line.length);
  const since = (time: string) => kit.ok(["read", "a", "--since", time], { clock });
  equal((await since(middle)).length, line.length);
  equal((await since("90s")).length, line.length);
  equal((await since(middle.slice(0, 10))).length, 2 * line.length);
  equal((await since("7d")).length, 2 * line.length);
  equal((await read("3h")).length, 2 * line.length);
  equal(await read("1s"), "");
});

Deno.test("read --from a time continues over the following answers, each message once", async () => {
  const kit = new CommandKit(SMALL_CHUNKS);
  await kit.ok(["append", "a", "--lines", "--json"], { input: numbers(5_000) });
  equal(await kit.ok(["read", "a", "--from", "2020-01-01T00:00:00Z"]), numbers(5_000));
});

Deno.test("read --from a time says so where a server can't look it up", async () => {
  const kit = new CommandKit();
  const fetch = () =>
    new Response("x", { headers: { "content-type": "text/plain", "stream-next-offset": "1" } });
  const { code, stdout, stderr } = await kit.run(["read", "a", "--from", "1h"], { fetch });
  equal(code, 1);
  equal(stdout, "");
  match(stderr, /can't look up times: give an offset, start or now to --from/);
});

Deno.test("read --since takes times only, and not beside --from", async () => {
  const kit = new CommandKit();
  for (const since of ["start", "-1", "2030-01-01T10:00", "yesterday"]) {
    const { code, stderr } = await kit.run(["read", "a", "--since", since]);
    equal(code, 2, since);
    match(stderr, /--since is .*; accepted: an RFC 3339 time .* \(its zone is needed\), a date/);
  }
  const { code, stderr } = await kit.run(["read", "a", "--since", "1h", "--from", "start"]);
  equal(code, 2);
  match(stderr, /--from and --since both say where to begin/);
});

Deno.test("read rejects a point that is none", async () => {
  const kit = new CommandKit();
  for (
    const from of [
      "",
      "a b",
      "2030-02-31T00:00:00Z",
      "2030-02-31",
      "2030-01-01T10:00",
      "1/0",
      "now/1",
    ]
  ) {
    const { code, stderr } = await kit.run(["read", "a", "--from", from]);
    equal(code, 2, from);
    match(stderr, /--from is .*; accepted: an offset, start, now, an RFC 3339 time/);
  }
});

Deno.test("read ends quietly with 0 when its reader leaves", async () => {
  const kit = new CommandKit(SMALL_CHUNKS);
  await kit.fill("a", numbers(5_000));
  for (const writes of [0, 1]) {
    const { code, stderr } = await kit.run(["read", "a"], { writes });
    equal(code, 0);
    equal(stderr, "");
  }
});

Deno.test("read of a server that isn't there exits 5 and says how to start one", async () => {
  const kit = new CommandKit();
  const fetch = () => Promise.reject(new TypeError("connection refused"));
  const read = (url: string) => kit.run(["read", "a", "--retry", "0s", "--url", url], { fetch });
  const local = await read("http://127.0.0.1:1/v1/stream");
  equal(local.code, 5);
  equal(
    local.stderr,
    "durable-streams: can't reach http://127.0.0.1:1/v1/stream: is the server running? Start it " +
      "with: durable-streams (connection refused)",
  );
  match((await read("https://example.com/s")).stderr, /is the server running, and --url right\?/);
});

Deno.test("read gives up a server that was never there long before one that it lost", async () => {
  const kit = new CommandKit(SMALL_CHUNKS);
  await kit.fill("a", numbers(5_000));
  for (const answers of [0, 2]) {
    const clock = new ManualClock();
    const startMs = clock.nowMs();
    let left = answers;
    const fetch = async (url: string, init: RequestInit) => {
      if (left-- > 0) return await kit.fixture.app.request(url, init);
      throw new TypeError("connection refused");
    };
    // Time passes whenever everybody waits for it.
    const ticking = setInterval(() => clock.advance(250), 0);
    const { code } = await kit.run(["read", "a"], { fetch, clock });
    clearInterval(ticking);
    equal(code, 5);
    const elapsedMs = clock.nowMs() - startMs;
    // It gives up where the next wait, of 10 s at most, would end after 30 s.
    ok(answers === 0 ? elapsedMs < 3_000 : elapsedMs >= 20_000, `${answers}: ${elapsedMs} ms`);
  }
});

Deno.test("damage is told at once with 1, and from where one can read on", async () => {
  const kit = new CommandKit();
  await kit.ok(["append", "a", "--data", "x"]);
  let requests = 0;
  const damaged = (headers: Record<string, string>) => () => {
    requests++;
    const error = { code: "damaged", message: "x.log is damaged at byte 0." };
    return Response.json({ error }, {
      status: 500,
      headers: { "stream-damaged": "true", ...headers },
    });
  };
  for (const command of [["read", "a"], ["tail", "a"], ["tail", "-f", "a"], ["head", "a"]]) {
    requests = 0;
    const fetch = damaged({ "stream-next-offset": "s_7" });
    const { code, stderr } = await kit.run([...command], { fetch });
    equal([code, requests].join(), "1,1", command.join(" "));
    match(
      stderr,
      /^durable-streams: "a" at \S+ is damaged on the server's disk: x\.log is damaged/,
    );
    match(stderr, /; --from s_7 reads on behind it$/);
  }
  const { stderr } = await kit.run(["read", "a"], { fetch: damaged({}) });
  match(stderr, /the server doesn't say from where one can read on; `durable-streams check`/);
});

Deno.test("read of a URL that lacks the prefix says what it lacks", async () => {
  const kit = new CommandKit();
  const { code, stderr } = await kit.run(["read", "a", "--url", "http://localhost:4437"]);
  equal(code, 3);
  match(
    stderr,
    /no stream "a" at http:\S+; --url includes the prefix, on most servers \/v1\/stream$/,
  );
});

Deno.test("read tells a refusal for want of credentials, and --header brings them", async () => {
  const kit = new CommandKit();
  await kit.ok(["append", "a", "--data", "x"]);
  const fetch = async (url: string, init: RequestInit) => {
    const headers = new Headers(init.headers);
    const isKnown = headers.get("authorization") === "Bearer t" && headers.get("x-b") === "2";
    return isKnown
      ? await kit.fixture.app.request(url, init)
      : new Response("who are you?", { status: 401 });
  };
  const { code, stderr } = await kit.run(["read", "a"], { fetch });
  equal(code, 1);
  match(
    stderr,
    /refused this \(401\): who are you\?; credentials go in by --token, --token-file or --header/,
  );
  const headers = ["--header", "Authorization: Bearer t", "--header", "X-B: 2"];
  equal(await kit.ok(["read", "a", ...headers], { fetch }), "x");
  const environment = { DURABLE_STREAMS_HEADER: "Authorization: Bearer t\nX-B: 2" };
  equal(await kit.ok(["read", "a"], { fetch, environment }), "x");
});

Deno.test("read's errors are red on a terminal only", async () => {
  const kit = new CommandKit();
  const read = async (...terminals: "errors"[]) =>
    (await kit.run(["read", "a"], { terminals })).stderr;
  ok((await read("errors")).startsWith("\x1b[31mdurable-streams:\x1b[39m no stream"));
  ok((await read()).startsWith("durable-streams: no stream"));
});

Deno.test("read --last writes the last messages, of text lines", async () => {
  const kit = new CommandKit(SMALL_CHUNKS);
  await kit.fill("text", numbers(3_000));
  await kit.ok(["append", "json", "--lines", "--json"], { input: numbers(3_000) });
  for (const name of ["text", "json"]) {
    for (const count of [0, 1, 2, 700, 3_000, 9_999]) {
      const expected = numbers(3_000).split(/(?<=\n)/).slice(Math.max(0, 3_000 - count)).join("");
      equal(await kit.ok(["read", name, "--last", String(count)]), expected, `${name} ${count}`);
    }
  }
});

Deno.test("read --last of a JSON stream reads no more than the last messages", async () => {
  const kit = new CommandKit(SMALL_CHUNKS);
  await kit.ok(["append", "json", "--lines", "--json"], { input: numbers(30_000) });
  const queries: string[] = [];
  const fetch = async (url: string, init: RequestInit) => {
    queries.push(new URL(url).search);
    return await kit.fixture.app.request(url, init);
  };
  equal(await kit.ok(["read", "json", "--last", "2"], { fetch }), "29999\n30000\n");
  ok(queries.length <= 4);
  equal(queries[1], "?last=2");
});

Deno.test("read --last and --from together are refused", async () => {
  const kit = new CommandKit();
  await kit.fill("a", "1\n");
  const { code, stderr } = await kit.run(["read", "a", "--last", "1", "--from", "start"]);
  equal(code, 2);
  match(stderr, /--from and --last both say where to begin/);
});
