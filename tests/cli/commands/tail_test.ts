import { deepEqual, equal, match, ok } from "node:assert/strict";
import { ManualClock } from "../../support/manual_clock.ts";
import { CommandKit } from "./command_kit.ts";

function numbers(first: number, last: number): string {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => `${first + i}\n`).join("");
}

Deno.test("tail writes the last ten lines or messages, or so many as -n says", async () => {
  const kit = new CommandKit({ chunkBytes: 4_096 });
  await kit.fill("text", numbers(1, 30_000));
  await kit.ok(["append", "json", "--lines", "--json"], { input: numbers(1, 30_000) });
  for (const name of ["text", "json"]) {
    equal(await kit.ok(["tail", name]), numbers(29_991, 30_000));
    for (const count of [0, 1, 11, 20_000, 29_999, 30_000, 40_000]) {
      const tail = await kit.ok(["tail", name, "-n", String(count)]);
      equal(tail, numbers(Math.max(1, 30_001 - count), 30_000), `${name} ${count}`);
    }
  }
});

Deno.test("tail counts a last line without an end, and empty lines", async () => {
  const kit = new CommandKit();
  const tail = async (data: string, count: number) => {
    const name = `t${JSON.stringify(data)}`;
    await kit.ok(["append", name], { input: data });
    const read = await kit.ok(["tail", name, "-n", String(count)]);
    await kit.ok(["delete", name]);
    return read;
  };
  equal(await tail("a\nb\nc", 1), "c");
  equal(await tail("a\nb\nc", 2), "b\nc");
  equal(await tail("a\n\n", 1), "\n");
  equal(await tail("a\n\n\n", 2), "\n\n");
  equal(await tail("a", 1), "a");
  equal(await tail("\n", 1), "\n");
});

Deno.test("tail reads little of a long stream", async () => {
  const kit = new CommandKit();
  await kit.ok(["append", "a", "--lines"], { input: numbers(1, 200_000) });
  let received = 0;
  const fetch = async (url: string, init: RequestInit) => {
    const answer = await kit.fixture.app.request(url, init);
    received += (await answer.clone().arrayBuffer()).byteLength;
    return answer;
  };
  equal(await kit.ok(["tail", "a"], { fetch }), numbers(199_991, 200_000));
  // 64 KiB asked for twice: once for the place, once to read from there.
  equal(received, 2 * 64 * 1_024);
});

Deno.test("tail of a server that can't look up the end reads it all", async () => {
  const kit = new CommandKit({ chunkBytes: 4_096 });
  await kit.fill("a", numbers(1, 20_000));
  const fetch = (url: string, init: RequestInit) => {
    const plain = new URL(url);
    plain.searchParams.delete("tail");
    return kit.fixture.app.request(plain.href, init);
  };
  equal(await kit.ok(["tail", "a", "-n", "3"], { fetch }), numbers(19_998, 20_000));
});

Deno.test("tail --json gives the last lines with the offset after them", async () => {
  const kit = new CommandKit();
  await kit.ok(["append", "a", "--lines"], { input: numbers(1, 20) });
  const { offset, text }: { offset: string; text: string } = JSON.parse(
    await kit.ok(["tail", "a", "-n", "2", "--json"]),
  );
  equal(text, "19\n20\n");
  equal(await kit.ok(["read", "a", "--from", offset]), "");
});

Deno.test("tail -f continues until the stream is closed, nothing left out or doubled", async () => {
  for (const json of [[], ["--json"]]) {
    const kit = new CommandKit();
    await kit.ok(["append", "a", "--lines", ...json], { input: numbers(1, 20) });
    const isLive = Promise.withResolvers<void>();
    const fetch = async (url: string, init: RequestInit) => {
      if (url.includes("live=")) isLive.resolve();
      return await kit.fixture.app.request(url, init);
    };
    const tail = kit.ok(["tail", "-f", "a", "-n", "3"], { fetch });
    await isLive.promise;
    await kit.ok(["append", "a", "--lines"], { input: numbers(21, 22) });
    await kit.ok(["append", "a", "--lines", "--close"], { input: numbers(23, 30) });
    equal(await tail, numbers(18, 30));
  }
});

Deno.test("tail -f of a closed stream ends at once", async () => {
  const kit = new CommandKit();
  await kit.ok(["append", "a", "--data", "x\ny\n", "--close"]);
  equal(await kit.ok(["tail", "-f", "a"]), "x\ny\n");
  equal(await kit.ok(["tail", "-f", "a", "-n", "0"]), "");
  equal(await kit.ok(["tail", "-f", "a", "--from", "start"]), "x\ny\n");
});

Deno.test("tail --from begins there, with -f and without", async () => {
  const kit = new CommandKit();
  await kit.ok(["append", "a", "--data", "hello", "--close"]);
  equal(await kit.ok(["tail", "a", "--from", kit.fixture.offset(3)]), "lo");
  equal(await kit.ok(["tail", "-f", "a", "--from", kit.fixture.offset(3)]), "lo");
  const { code, stderr } = await kit.run(["tail", "a", "--from", "start", "-n", "3"]);
  equal(code, 2);
  match(stderr, /--from and -n both say where to begin/);
});

Deno.test("tail and read say that an offset is of an earlier stream, and end with 3", async () => {
  const kit = new CommandKit();
  await kit.ok(["append", "q", "--data", "old\n"]);
  const old = kit.fixture.offset(4);
  await kit.ok(["delete", "q"]);
  await kit.ok(["append", "q", "--data", "N1\nN2\nN3\n", "--close"]);
  for (const command of [["tail", "-f"], ["tail"], ["read"]]) {
    const ended = await kit.run([...command, "q", "--from", old]);
    deepEqual([ended.code, ended.stdout], [3, ""]);
    match(
      ended.stderr,
      /"q" at .* was deleted and made again.*; --from start reads what is there now/,
    );
  }
  equal(await kit.ok(["tail", "-f", "q", "--from", "start"]), "N1\nN2\nN3\n");
});

Deno.test("tail -f ends with 3 when its stream was deleted and recreated between two answers", async () => {
  const kit = new CommandKit();
  const { app } = kit.fixture;
  await kit.ok(["append", "q", "--data", "old\n"]);
  let isReplaced = false;
  const fetch = async (url: string, init: RequestInit) => {
    if (url.includes("live=") && !isReplaced) {
      isReplaced = true;
      await kit.ok(["delete", "q"]);
      await kit.ok(["append", "q", "--data", "N1\nN2\n", "--close"]);
    }
    return await app.request(url, init);
  };
  const { code, stdout, stderr } = await kit.run(["tail", "-f", "q"], { fetch });
  deepEqual([code, stdout], [3, "old\n"]);
  match(stderr, /deleted and made again/);
});

Deno.test("tail -f ends quietly when its reader leaves", async () => {
  const kit = new CommandKit();
  await kit.ok(["append", "a", "--data", "x\n"]);
  const { code, stderr } = await kit.run(["tail", "-f", "a"], { writes: 0 });
  equal(code, 0);
  equal(stderr, "");
});

Deno.test("tail -n takes the forms that other tails take", async () => {
  const kit = new CommandKit({ chunkBytes: 4_096 });
  await kit.fill("text", numbers(1, 3_000));
  await kit.ok(["append", "json", "--lines", "--json"], { input: numbers(1, 3_000) });
  for (const name of ["text", "json"]) {
    for (const args of [["-n", "-2"], ["-2"], ["-n2"], ["--lines=2"]]) {
      equal(await kit.ok(["tail", name, ...args]), numbers(2_999, 3_000), args.join(" "));
    }
    for (const first of [0, 1, 2, 2_000, 3_000, 3_001]) {
      const tail = await kit.ok(["tail", name, "-n", `+${first}`]);
      equal(tail, numbers(Math.max(1, first), 3_000), `${name} +${first}`);
    }
  }
  for (const count of ["+", "--2", "1.5", "-", "x", "10000001"]) {
    const { code, stderr } = await kit.run(["tail", "text", `--lines=${count}`]);
    equal(code, 2, count);
    match(
      stderr,
      /accepted: a whole number from 0 to 10000000, or \+N for the Nth message or line/,
    );
  }
});

Deno.test("tail of several streams says which is which", async () => {
  const kit = new CommandKit();
  await kit.ok(["append", "a", "--data", "1\n2\n"]);
  await kit.ok(["append", "b", "--data", "3"]);
  await kit.ok(["append", "c", "--json", "--data", "[4,5]"]);
  const text = "==> a <==\n2\n\n==> b <==\n3\n\n==> c <==\n5\n";
  equal(await kit.ok(["tail", "-n", "1", "a", "b", "c"]), text);
  deepEqual(
    (await kit.ok(["tail", "a", "c", "-n", "1", "--json"])).trimEnd().split("\n")
      .map((line) => JSON.parse(line)),
    [
      { stream: "a", offset: kit.fixture.offset(4, 1), text: "2\n" },
      { stream: "c", offset: kit.fixture.offset(6, 3), value: 5 },
    ],
  );
});

Deno.test("tail --prefix takes the streams whose names begin so", async () => {
  const kit = new CommandKit();
  await kit.ok(["append", "logs/a", "--data", "1\n"]);
  await kit.ok(["append", "logs/b", "--data", "2\n"]);
  await kit.ok(["append", "other", "--data", "3\n"]);
  equal(await kit.ok(["tail", "--prefix", "logs/"]), "==> logs/a <==\n1\n\n==> logs/b <==\n2\n");
  const none = await kit.run(["tail", "--prefix", "nothing/"]);
  equal(none.code, 3);
  match(none.stderr, /no stream's name at \S+ begins with "nothing\/"/);
  const both = await kit.run(["tail", "other", "--prefix", "logs/"]);
  equal(both.code, 2);
  match(both.stderr, /PATH and --prefix both say which streams/);
  const many = await kit.run(["tail", "-f", "--prefix", "logs/", "--max-streams", "1"]);
  equal(many.code, 2);
  match(
    many.stderr,
    /more streams than --max-streams allows \(1\); accepted: .* a greater --max-streams/,
  );
});

Deno.test("tail of several streams continues without the one that is missing, and ends with its code", async () => {
  const kit = new CommandKit();
  await kit.ok(["append", "a", "--data", "1\n", "--close"]);
  for (const follow of [[], ["-f"]]) {
    const { code, stdout, stderr } = await kit.run(["tail", ...follow, "none", "a"]);
    deepEqual([code, stdout], [3, "==> a <==\n1\n"]);
    match(stderr, /^durable-streams: no stream "none" at /);
  }
});

Deno.test("tail -f of several streams follows each until all are closed", async () => {
  const kit = new CommandKit();
  for (const name of ["l/a", "l/b"]) await kit.ok(["append", name, "--data", `${name} 1\n`]);
  const isLive = Promise.withResolvers<void>();
  let live = 0;
  const fetch = async (url: string, init: RequestInit) => {
    if (/live=|__ds\/live$/.test(url) && ++live === 2) isLive.resolve();
    return await kit.fixture.app.request(url, init);
  };
  const tail = kit.ok(["tail", "-f", "--prefix", "l/", "--json"], { fetch });
  await isLive.promise;
  for (const name of ["l/b", "l/a"]) {
    await kit.ok(["append", name, "--data", `${name} 2\n`, "--close"]);
  }
  const texts = (await tail).trimEnd().split("\n").map((line) => JSON.parse(line))
    .map(({ stream, text }) => `${stream}: ${text}`).sort();
  deepEqual(texts, ["l/a: l/a 1\n", "l/a: l/a 2\n", "l/b: l/b 1\n", "l/b: l/b 2\n"]);
});

Deno.test("tail -f of several streams ends as a whole where the server is lost, or its reader leaves", async () => {
  const kit = new CommandKit();
  for (const name of ["a", "b"]) await kit.ok(["append", name, "--data", "x\n"]);
  const gone = await kit.run(["tail", "-f", "a", "b"], { writes: 0 });
  deepEqual([gone.code, gone.stderr], [0, ""]);
  const fetch = () => Promise.reject(new TypeError("connection refused"));
  const lost = await kit.run(["tail", "-f", "a", "b", "--retry", "0s"], { fetch });
  equal(lost.code, 5);
  equal(lost.stderr.split("\n").length, 1);
});

Deno.test("tail -f --json says when it received what came while it followed, and only of that", async () => {
  for (const from of [[], ["--from", "start"]]) {
    const kit = new CommandKit();
    await kit.ok(["append", "a", "--lines", "--json"], { input: "1\n" });
    const isLive = Promise.withResolvers<void>();
    const fetch = async (url: string, init: RequestInit) => {
      if (url.includes("live=")) isLive.resolve();
      return await kit.fixture.app.request(url, init);
    };
    const clock = new ManualClock();
    const tail = kit.ok(["tail", "-f", "a", "--json", ...from], { fetch, clock });
    await isLive.promise;
    await kit.ok(["append", "a", "--lines", "--close"], { input: "2\n" });
    const [before = "", live = ""] = (await tail).trimEnd().split("\n");
    deepEqual(JSON.parse(before), { offset: kit.fixture.offset(3), value: 1 });
    deepEqual(JSON.parse(live), {
      offset: kit.fixture.offset(6),
      receivedAt: new Date(clock.nowMs()).toISOString(),
      value: 2,
    });
  }
});

Deno.test("tail -f --prefix follows streams that come later from their start", async () => {
  const kit = new CommandKit();
  await kit.ok(["append", "l/a", "--data", "a 1\n"]);
  const clock = new ManualClock();
  const live = new Map<string, () => void>();
  const isLive = (name: string) => new Promise<void>((resolve) => live.set(name, resolve));
  const fetch = async (url: string, init: RequestInit) => {
    const { pathname, searchParams } = new URL(url);
    if (searchParams.has("live")) live.get(pathname.replace("/v1/stream/", ""))?.();
    if (pathname.endsWith("/__ds/live")) live.get("l/b")?.();
    return await kit.fixture.app.request(url, init);
  };
  const [firstIsLive, laterIsLive] = [isLive("l/a"), isLive("l/b")];
  const tail = kit.ok(["tail", "-f", "--prefix", "l/", "-n", "1"], { fetch, clock });
  await firstIsLive;
  await kit.ok(["append", "l/b", "--data", "b 1\nb 2\n"]);
  await kit.ok(["append", "other", "--data", "x\n"]);
  clock.advance(5_000);
  await laterIsLive;
  for (const name of ["l/a", "l/b"]) await kit.ok(["close", name]);
  equal(await tail, "==> l/a <==\na 1\n\n==> l/b <==\nb 1\nb 2\n");
});

Deno.test("tail -f --prefix says once that there are more streams than it may follow", async () => {
  const kit = new CommandKit();
  await kit.ok(["append", "l/a", "--data", "a\n"]);
  const clock = new ManualClock();
  let looks = 0;
  const looked = Promise.withResolvers<void>();
  const fetch = async (url: string, init: RequestInit) => {
    const answer = await kit.fixture.app.request(url, init);
    if (url.includes("__ds/streams") && ++looks === 4) looked.resolve();
    return answer;
  };
  const args = ["tail", "-f", "--prefix", "l/", "--max-streams", "1"];
  const tail = kit.run(args, { fetch, clock });
  await kit.ok(["append", "l/b", "--data", "b\n"]);
  const ticking = setInterval(() => clock.advance(5_000), 0);
  await looked.promise;
  clearInterval(ticking);
  await kit.ok(["close", "l/a"]);
  const { code, stdout, stderr } = await tail;
  deepEqual([code, stdout], [0, "==> l/a <==\na\n"]);
  match(
    stderr,
    /^durable-streams: there are more streams than --max-streams allows .*; later ones are left out$/,
  );
});

Deno.test("tail takes a pattern in a path's place, and with -f the streams that come later, too", async () => {
  const kit = new CommandKit();
  for (const name of ["jobs/1/log", "jobs/2/log", "jobs/1/out", "jobsite"]) {
    await kit.fill(name, `${name}\n`);
  }
  equal(
    await kit.ok(["tail", "jobs/*/log"]),
    "==> jobs/1/log <==\njobs/1/log\n\n==> jobs/2/log <==\njobs/2/log\n",
  );
  equal(await kit.ok(["tail", "jobs/**", "jobs/1/log", "-n", "0"]), "");
  const wrong = await kit.run(["tail", "jobs/a*/*"]);
  equal(wrong.code, 2);
  match(wrong.stderr, /a \* stands with other characters/);
});

Deno.test("tail -f of a pattern follows a stream that was deleted and made again, from its start", async () => {
  const kit = new CommandKit();
  for (const name of ["l/a", "l/b"]) await kit.ok(["append", name, "--data", `${name} 1\n`]);
  const clock = new ManualClock();
  let printed = "";
  const until = async (text: string) => {
    for (let steps = 0; !printed.includes(text); steps++) {
      ok(steps < 5_000, printed);
      clock.advance(1_000);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const fetch = (url: string, init: RequestInit) => kit.fixture.app.request(url, init);
  const onWrite = (text: string) => void (printed += text);
  const tail = kit.run(["tail", "-f", "l/*"], { fetch, clock, onWrite });
  await until("l/b 1");
  await kit.ok(["delete", "l/a"]);
  await kit.ok(["append", "l/a", "--data", "l/a again\n"]);
  await until("l/a again");
  for (const name of ["l/a", "l/b"]) await kit.ok(["close", name]);
  const ticking = setInterval(() => clock.advance(5_000), 0);
  const { code } = await tail;
  clearInterval(ticking);
  equal(code, 3);
  equal(printed.split("l/a 1").length, 2, printed);
});
