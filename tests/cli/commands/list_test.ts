import { deepEqual, equal, match } from "node:assert/strict";
import { CommandKit } from "./command_kit.ts";

async function kitOf(names: readonly string[]): Promise<CommandKit> {
  const kit = new CommandKit();
  for (const name of names) await kit.ok(["create", name, "--content-type", "text/plain"]);
  return kit;
}

Deno.test("list prints the names in their order, those of a prefix, after one, up to a limit", async () => {
  const kit = await kitOf(["b/2", "a", "b/1", "c", "b/3"]);
  equal(await kit.ok(["list"]), "a\nb/1\nb/2\nb/3\nc\n");
  equal(await kit.ok(["list", "b/"]), "b/1\nb/2\nb/3\n");
  equal(await kit.ok(["list", "b/", "--after", "b/1"]), "b/2\nb/3\n");
  equal(await kit.ok(["list", "--limit", "2"]), "a\nb/1\n");
  equal(await kit.ok(["list", "nothing"]), "");
});

Deno.test("list continues over the server's pages", async () => {
  const names = Array.from({ length: 1_203 }, (_, i) => `s/${String(i).padStart(5, "0")}`);
  const kit = new CommandKit();
  for (const name of names) await kit.fixture.make(name);
  equal(await kit.ok(["list"]), names.map((name) => `${name}\n`).join(""));
  const limited = await kit.ok(["list", "--limit", "1001"]);
  equal(limited.trimEnd().split("\n").length, 1_001);
});

Deno.test("list --long and --json tell more of each", async () => {
  const kit = await kitOf(["a", "b"]);
  await kit.ok(["append", "a", "--data", "hello", "--close"]);
  equal(
    await kit.ok(["list", "-l"]),
    `${kit.fixture.offset(5)}  closed  text/plain                a\n` +
      `${kit.fixture.offset(0, 2)}  open    text/plain                b\n`,
  );
  const objects: unknown[] = (await kit.ok(["list", "--json"])).trimEnd().split("\n")
    .map((line) => JSON.parse(line));
  deepEqual(objects, [
    { name: "a", contentType: "text/plain", nextOffset: kit.fixture.offset(5), closed: true },
    { name: "b", contentType: "text/plain", nextOffset: kit.fixture.offset(0, 2), closed: false },
  ]);
  equal((await kit.run(["list", "--long", "--json"])).code, 2);
});

Deno.test("list says what to do where the server doesn't list", async () => {
  const kit = new CommandKit({ listing: false });
  const { code, stderr } = await kit.run(["list"]);
  equal(code, 1);
  match(stderr, /lists no streams: .*--listing/);
});

Deno.test("list ends quietly when its reader leaves", async () => {
  const kit = await kitOf(["a", "b"]);
  deepEqual(await kit.run(["list"], { writes: 0 }), {
    code: 0,
    stdout: "",
    stderr: "",
    drawn: "",
  });
});
