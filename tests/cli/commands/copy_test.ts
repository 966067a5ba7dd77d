import { deepEqual, equal, match, ok } from "node:assert/strict";
import { BINARY, CLOSE, JSON_TYPE, TEXT } from "../../support/fixture.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { CopyKit, numbers, whole } from "./copy_kit.ts";

const ENDLESS = 100;

Deno.test("copy makes the same streams, message by message, with type, lifetime and closure", async () => {
  const kit = new CopyKit();
  const { source, target } = kit;
  await source.make("json", JSON_TYPE, '[{"a": 1}, [2], "three"]');
  await source.append("json", JSON_TYPE, '{"b":\t4}');
  await source.make("text", { ...TEXT, "stream-ttl": "3600" }, "hello\n");
  await source.make("bytes", { ...BINARY, "stream-expires-at": "2100-01-01T00:00:00Z" });
  await source.append("bytes", BINARY, new Uint8Array([0, 255, 10, 128]));
  await source.make("closed", TEXT, "the end");
  await source.post("closed", CLOSE);
  await source.make("empty", TEXT);
  match(await kit.ok(), /^5 streams copied, .*\(4 JSON messages\); checked: /);
  equal(await target.content("json"), await source.content("json"));
  equal(await target.content("text"), "hello\n");
  const bytes = new Uint8Array(await (await target.get("bytes")).arrayBuffer());
  deepEqual([...bytes], [0, 255, 10, 128]);
  equal(await target.content("closed"), "the end");
  const same = ["content-type", "stream-ttl", "stream-expires-at", "stream-closed"];
  for (const name of ["json", "text", "bytes", "closed", "empty"]) {
    const [one, other] = await Promise.all([source.head(name), target.head(name)]);
    for (const header of same) equal(other.headers.get(header), one.headers.get(header), name);
  }
});

Deno.test("a copy that is run again copies what came since, and nothing twice", async () => {
  const kit = new CopyKit();
  await kit.source.make("a", JSON_TYPE, numbers(0, 10));
  await kit.source.make("b", TEXT, "one");
  await kit.ok();
  match(await kit.ok(), /^0 streams copied, 0B, 2 equal already/);
  await kit.source.append("a", JSON_TYPE, numbers(10, 20));
  await kit.source.append("b", TEXT, " two");
  const lines = await kit.json(["--parallel", "1"]);
  deepEqual(
    lines.map(({ outcome, stream, bytes, resumedBytes }) => [outcome, stream, bytes, resumedBytes]),
    [["copied", "a", 20, 10], ["copied", "b", 4, 3], ["summary", undefined, 24, undefined]],
  );
  equal(await kit.target.content("a"), numbers(0, 20));
  equal(await kit.target.content("b"), "one two");
});

Deno.test("a copy that was cut off anywhere is gone on with", async () => {
  for (let cut = 1; cut < 12; cut++) {
    const kit = new CopyKit({ chunkBytes: 4096 });
    const long = "x".repeat(3000);
    await kit.source.make("a", JSON_TYPE);
    for (let i = 0; i < 4; i++) await kit.source.append("a", JSON_TYPE, JSON.stringify([i, long]));
    await kit.source.post("a", CLOSE);
    let requests = 0;
    // The request that is cut off has its effect, as one whose answer is lost.
    kit.gate = async (_, pass) => {
      if (++requests > cut) throw new TypeError("gone");
      const answer = await pass();
      if (requests === cut) throw new TypeError("gone");
      return answer;
    };
    const { code } = await kit.run(["--retry", "0s"]);
    kit.gate = (_, pass) => pass();
    ok(code === 0 || code === 5, String(code));
    await kit.ok();
    equal(await whole(kit.target, "a"), await whole(kit.source, "a"), `cut at ${cut}`);
    equal((await kit.target.head("a")).headers.get("stream-closed"), "true");
  }
});

Deno.test("an answer that is lost is asked for again, and nothing is appended twice", async () => {
  const kit = new CopyKit({ chunkBytes: 4096 });
  await kit.source.make("a", TEXT);
  for (let i = 0; i < 8; i++) await kit.source.append("a", TEXT, String(i).repeat(3000));
  let posts = 0;
  kit.gate = async ({ method }, pass) => {
    const answer = await pass();
    if (method === "POST" && posts++ % 2 === 0) throw new TypeError("lost");
    return answer;
  };
  equal((await kit.run()).code, 0);
  equal(await whole(kit.target, "a"), await whole(kit.source, "a"));
});

Deno.test("what a killed run had under way and arrives late is not appended twice", async () => {
  const kit = new CopyKit();
  await kit.source.make("a", TEXT, "one");
  await kit.ok();
  await kit.source.append("a", TEXT, " two");
  let late = true;
  kit.gate = async ({ method }, pass) => {
    if (method === "POST" && late) {
      late = false;
      await kit.target.append("a", TEXT, " two");
    }
    return await pass();
  };
  match(await kit.ok(), /^0 streams copied, 0B, 1 equal already/);
  equal(await kit.target.content("a"), "one two");
});

Deno.test("a run whose clock says the same as the last one's, or less, appends all the same", async () => {
  const kit = new CopyKit();
  await kit.source.make("a", TEXT, "one");
  const clock = new ManualClock();
  await kit.ok([], { clock });
  await kit.source.append("a", TEXT, " two");
  match(await kit.ok([], { clock }), /^1 stream copied, 4B/);
  await kit.source.append("a", TEXT, " three");
  const earlier = new ManualClock(clock.nowMs() - 60_000);
  match(await kit.ok([], { clock: earlier }), /^1 stream copied, 6B/);
  equal(await kit.target.content("a"), "one two three");
});

Deno.test("a stream whose name the target has otherwise is refused, and the others are copied", async () => {
  const kit = new CopyKit();
  const { source, target } = kit;
  for (const name of ["content", "longer", "type", "ttl", "closed", "fine"]) {
    await source.make(name, TEXT, "abc");
  }
  await target.make("content", TEXT, "abX");
  await target.make("longer", TEXT, "abcd");
  await target.make("type", JSON_TYPE);
  await target.make("ttl", { ...TEXT, "stream-ttl": "60" });
  await target.make("closed", TEXT, "ab");
  await target.post("closed", CLOSE);
  const { code, stderr, stdout } = await kit.run();
  equal(code, 4);
  match(stderr, /"content" refused: it has other content at the target, from byte 3 on/);
  match(stderr, /"longer" refused: it has more at the target than at the source, after byte 3/);
  match(stderr, /"type" refused: it is application\/json at the target, and text\/plain at/);
  match(
    stderr,
    /"ttl" refused: it has a TTL of 60 s at the target, and never expires at the source/,
  );
  match(stderr, /"closed" refused: it is closed at the target, and the source has more/);
  match(stdout, /^1 stream copied, 3B, 5 refused/);
  equal(await target.content("content"), "abX");
  equal(await target.content("fine"), "abc");
  equal((await kit.run(["--skip-existing"])).code, 0);
});

Deno.test("a server that writes JSON in its own way has the same messages", async () => {
  const kit = new CopyKit();
  await kit.source.make("a", JSON_TYPE, '[{"a": 1.0}, {"b": "\\u0041"}]');
  await kit.target.make("a", JSON_TYPE, '[{"a":1},{"b":"A"}]');
  match(await kit.ok(), /1 equal already/);
  await kit.source.make("b", JSON_TYPE, '{"b": 2.0}');
  kit.gate = async ({ method }, pass) => {
    if (method !== "POST") return await pass();
    const offset = await kit.target.append("b", JSON_TYPE, '{"b":2}');
    return new Response(null, { status: 200, headers: { "stream-next-offset": offset } });
  };
  match(await kit.ok(), /^1 stream copied/);
});

Deno.test("what another run has copied since this one listed the source is nothing else", async () => {
  const kit = new CopyKit({ chunkBytes: 4096 });
  await kit.source.make("a", TEXT, "1".repeat(3000));
  let isFirst = true;
  kit.gate = async (_, pass) => {
    if (isFirst) {
      isFirst = false;
      await kit.source.append("a", TEXT, "2".repeat(3000));
      await kit.ok();
    }
    return await pass();
  };
  match(await kit.ok(), /^0 streams copied, 0B, 1 equal already/);
  equal(await whole(kit.target, "a"), await whole(kit.source, "a"));
});

Deno.test("somebody else who writes to the target meanwhile is noticed", async () => {
  const kit = new CopyKit({ chunkBytes: 4096 });
  await kit.source.make("a", TEXT);
  for (let i = 0; i < 4; i++) await kit.source.append("a", TEXT, String(i).repeat(3000));
  let posts = 0;
  kit.gate = async ({ method }, pass) => {
    if (method === "POST" && posts++ === 1) await kit.target.append("a", TEXT, "mine");
    return await pass();
  };
  const { code, stderr } = await kit.run();
  equal(code, 4);
  match(stderr, /"a" refused: it has other content at the target, from byte 3001 on/);
});

Deno.test("a target that stores something else is found by the check", async () => {
  const kit = new CopyKit();
  await kit.source.make("a", TEXT, "abc");
  kit.gate = async ({ method }, pass) => {
    if (method !== "POST") return await pass();
    const offset = await kit.target.append("a", TEXT, "abX");
    return new Response(null, { status: 200, headers: { "stream-next-offset": offset } });
  };
  const { code, stderr } = await kit.run();
  equal(code, 4);
  match(stderr, /other content at the target, from byte 3 on/);
  const other = new CopyKit();
  await other.source.make("a", TEXT, "abc");
  other.gate = async (sent, pass) => {
    if (sent.method !== "POST") return await pass();
    const offset = await other.target.append("a", TEXT, "abX");
    return new Response(null, { status: 200, headers: { "stream-next-offset": offset } });
  };
  match(await other.ok(["--no-check"]), /not checked$/m);
});

Deno.test("prefixes and names say which streams", async () => {
  const kit = new CopyKit();
  for (const name of ["a/1", "a/2", "b/1", "c"]) await kit.source.make(name, TEXT, name);
  match(await kit.ok(["a/", "a/1", "c"]), /^3 streams copied/);
  equal((await kit.target.head("b/1")).status, 404);
  match(await kit.ok(["--names", "b/1"]), /^1 stream copied/);
  const { code, stderr } = await kit.run(["--names", "nothing"]);
  equal(code, 3);
  match(stderr, /"nothing" missing: the source has no such stream/);
  const typo = await kit.run(["typo/", "c"]);
  equal(typo.code, 3);
  match(typo.stderr, /"typo\/" missing: no stream's name at the source begins with it/);
  const unlisted = new CopyKit({ listing: false });
  const refused = await unlisted.run();
  equal(refused.code, 1);
  match(refused.stderr, /lists no streams: .*--names NAME/);
});

Deno.test("--dry-run says what would be copied and changes nothing", async () => {
  const kit = new CopyKit();
  await kit.source.make("new", TEXT, "abc");
  await kit.source.make("there", TEXT, "abc");
  await kit.source.make("other", TEXT, "abc");
  await kit.target.make("there", TEXT, "a");
  await kit.target.make("other", JSON_TYPE);
  const { code, stdout, stderr } = await kit.run(["--dry-run"]);
  equal(code, 4);
  match(stderr, /"other" refused/);
  match(stdout, /^would copy: new$/m);
  match(stdout, /^would compare: there$/m);
  match(
    stdout,
    /^1 stream would be copied, 1 compared and gone on with, 1 refused, 6B; nothing was/m,
  );
  equal((await kit.target.head("new")).status, 404);
});

Deno.test("a stream that is deleted while it is copied is told, and is no failure", async () => {
  const kit = new CopyKit({ chunkBytes: 4096 });
  await kit.source.make("a", TEXT);
  for (let i = 0; i < 8; i++) await kit.source.append("a", TEXT, String(i).repeat(3000));
  await kit.source.make("b", TEXT, "b");
  kit.gate = async ({ method, url }, pass) => {
    if (method === "POST" && url.pathname.endsWith("/a")) await kit.source.delete("a");
    return await pass();
  };
  const { code, stderr, stdout } = await kit.run(["--parallel", "1"]);
  equal(code, 0);
  match(stderr, /"a" gone: it was deleted at the source while it was copied/);
  match(stdout, /^1 stream copied, 1B, 1 gone/);
});

Deno.test("tokens go to their own server", async () => {
  const seen: string[] = [];
  const kit = new CopyKit();
  await kit.source.make("a", TEXT, "abc");
  kit.gate = (sent, pass) => {
    seen.push(sent.headers.get("authorization") ?? "none");
    return pass();
  };
  await kit.ok(["--from-token", "old"], { environment: { DURABLE_STREAMS_TO_TOKEN: "new" } });
  deepEqual([...new Set(seen)], ["Bearer new"]);
});

Deno.test("what makes no sense is refused with what would", async () => {
  const kit = new CopyKit();
  const refused = async (args: string[], what: RegExp) => {
    const { code, stderr } = await kit.run(args);
    equal(code, 2);
    match(stderr, what);
  };
  await refused(["--from", "http://b.test/v1/stream/"], /--from and --to are the same/);
  await refused(["--until-idle", "1s"], /--until-idle needs --follow/);
  await refused(["--names"], /there are none/);
  await refused(["--follow", "--from", "./data"], /--follow needs a running server/);
  await refused(["--dry-run", "--follow"], /can't go together/);
});

Deno.test("--follow goes on until both have been equal for as long as was asked for", async () => {
  const kit = new CopyKit();
  await kit.source.make("a", JSON_TYPE, numbers(0, 10));
  let heads = 0;
  kit.gate = async ({ method }, pass) => {
    // While it copies, the source grows and gets another stream.
    if (method === "GET" && heads++ < 5) {
      await kit.source.append("a", JSON_TYPE, numbers(10 * heads, 10 * heads + 10));
    }
    if (heads === 3) await kit.source.put("late", TEXT, "late");
    return await pass();
  };
  const stdout = await kit.ok(["--follow", "--until-idle", "0s"]);
  match(stdout, /^equal at .*: 2 streams$/m);
  ok(heads < ENDLESS);
  equal(await kit.target.content("a"), numbers(0, 60));
  equal(await kit.target.content("late"), "late");
});

Deno.test("--follow says what it leaves out, and what is deleted, and goes on", async () => {
  const kit = new CopyKit();
  await kit.source.make("a", TEXT, "abc");
  await kit.source.make("b", TEXT, "abc");
  await kit.source.make("c", TEXT, "abc");
  await kit.target.make("b", TEXT, "other");
  let rounds = 0;
  kit.sourceGate = async ({ url }, pass) => {
    const isListing = url.pathname.endsWith("/__ds/streams");
    if (isListing && ++rounds === 2) await kit.source.delete("c");
    return await pass();
  };
  const { code, stdout, stderr } = await kit.run(["-f", "--until-idle", "0s"]);
  equal(code, 4);
  match(stdout, /^equal at .*: 2 streams, but not 1 that were refused or failed$/m);
  match(stderr, /"c" gone: it was deleted at the source; the target keeps what was copied/);
  equal(await kit.target.content("c"), "abc");
});

Deno.test("--follow of a named stream that is deleted says so once, and is no failure", async () => {
  const kit = new CopyKit();
  for (const name of ["a", "b"]) await kit.source.make(name, TEXT, "abc");
  let heads = 0;
  kit.sourceGate = async ({ method, url }, pass) => {
    const isHead = method === "HEAD" && url.pathname.endsWith("/a");
    if (isHead && ++heads === 2) await kit.source.delete("a");
    return await pass();
  };
  const args = ["--follow", "--until-idle", "600ms", "--names", "a", "b"];
  const { code, stderr } = await kit.run(args);
  equal(code, 0);
  match(stderr, /^\S+ "a" gone: it was deleted at the source; the target keeps what was copied$/);
});

Deno.test("an interrupt ends it with its own exit code, and it is gone on with", async () => {
  const kit = new CopyKit({ chunkBytes: 4096 });
  await kit.source.make("a", TEXT);
  for (let i = 0; i < 4; i++) await kit.source.append("a", TEXT, String(i).repeat(3000));
  let end: (exitCode: number) => void = () => {};
  kit.gate = ({ method }, pass) => {
    if (method === "POST") end(130);
    return pass();
  };
  const { code, stderr } = await kit.run([], { onListening: (listener) => end = listener });
  equal([code, stderr].join(), "130,");
  kit.gate = (_, pass) => pass();
  await kit.ok();
  equal(await whole(kit.target, "a"), await whole(kit.source, "a"));
});

Deno.test("--offsets writes down which offset of the target is the source's", async () => {
  const kit = new CopyKit();
  const tail = await kit.source.make("a", TEXT, "abc");
  const dir = await Deno.makeTempDir();
  try {
    await kit.ok(["--offsets", `${dir}/offsets`]);
    deepEqual(JSON.parse(await Deno.readTextFile(`${dir}/offsets`)), {
      stream: "a",
      sourceOffset: tail,
      targetOffset: (await kit.target.head("a")).headers.get("stream-next-offset"),
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
