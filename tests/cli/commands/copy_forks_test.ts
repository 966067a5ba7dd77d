import { deepEqual, equal, match } from "node:assert/strict";
import { JSON_TYPE, TEXT } from "../../support/fixture.ts";
import { CopyKit, numbers } from "./copy_kit.ts";

const forked = (from: string) => ({ "stream-forked-from": `/v1/stream/${from}` });

/** `z`, a fork `m` of it, a fork `a` of that: their names sort the other way round. */
async function withForks(kit: CopyKit): Promise<void> {
  const { source } = kit;
  await source.make("z", JSON_TYPE, numbers(0, 10));
  await source.make("m", forked("z"));
  await source.append("m", JSON_TYPE, numbers(100, 110));
  await source.make("a", forked("m"));
  await source.append("a", JSON_TYPE, numbers(200, 210));
  await source.append("z", JSON_TYPE, numbers(10, 20));
  await source.append("m", JSON_TYPE, numbers(110, 120));
}

Deno.test("forks are copied as forks, their sources before them", async () => {
  const kit = new CopyKit();
  await withForks(kit);
  await kit.source.make("start", { ...forked("z"), "stream-fork-offset": "-1" });
  const lines = await kit.json(["--parallel", "1"]);
  deepEqual(
    lines.filter(({ outcome }) => outcome === "copied").map(({ stream, forkOf, bytes }) => [
      stream,
      forkOf,
      bytes,
    ]),
    [["z", undefined, 30], ["m", "z", 60], ["start", "z", 0], ["a", "m", 30]],
  );
  for (const name of ["z", "m", "a", "start"]) {
    equal(await kit.target.content(name), await kit.source.content(name), name);
  }
  const { streams } = await kit.target.storage.list({ limit: 10 })
    .then(({ streams }) => ({ streams: streams.map(({ name, space }) => [name, typeof space]) }));
  deepEqual(streams, [["a", "object"], ["m", "object"], ["start", "object"], ["z", "number"]]);
});

Deno.test("a fork whose source isn't copied has its content to itself, and that is told", async () => {
  const kit = new CopyKit();
  await withForks(kit);
  const { code, stderr } = await kit.run(["a", "m"]);
  equal(code, 0);
  match(stderr, /"m" is a fork at the source, and at the target a stream with all of its content/);
  equal(stderr.includes('"a" is a fork'), false);
  for (const name of ["m", "a"]) {
    equal(await kit.target.content(name), await kit.source.content(name), name);
  }
});

Deno.test("a fork of a stream that was refused isn't made of what the target has", async () => {
  const kit = new CopyKit();
  await kit.source.make("z", TEXT, "abc");
  await kit.source.make("f", forked("z"));
  await kit.source.append("f", TEXT, "def");
  await kit.target.make("z", TEXT, "other");
  const { code, stderr } = await kit.run();
  equal(code, 4);
  match(stderr, /"f" is a fork at the source/);
  equal(await kit.target.content("f"), "abcdef");
});

Deno.test("a fork keeps its own lifetime, and one of its source's", async () => {
  const kit = new CopyKit();
  await kit.source.make("z", { ...TEXT, "stream-ttl": "60" }, "abc");
  await kit.source.make("f", { ...forked("z"), "stream-ttl": "3600" });
  await kit.source.append("f", TEXT, "def");
  await kit.source.make("same", forked("z"));
  await kit.ok();
  equal((await kit.target.head("f")).headers.get("stream-ttl"), "3600");
  equal((await kit.target.head("same")).headers.get("stream-ttl"), "60");
  equal(await kit.target.content("f"), "abcdef");
});

Deno.test("a copy of forks that is run again copies nothing", async () => {
  const kit = new CopyKit();
  await withForks(kit);
  await kit.ok();
  match(await kit.ok(), /^0 streams copied, 0B, 3 equal already/);
  await kit.source.append("a", JSON_TYPE, numbers(0, 3));
  match(await kit.ok(), /^1 stream copied/);
  equal(await kit.target.content("a"), await kit.source.content("a"));
});
