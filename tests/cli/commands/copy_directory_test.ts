import { equal, match } from "node:assert/strict";
import { openFileStorage } from "../../../src/storage/file/open.ts";
import { JSON_TYPE, TEXT } from "../../support/fixture.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { CopyKit, numbers, TO, whole } from "./copy_kit.ts";

Deno.test("streams go to a directory and from there to a server, forks as forks", async () => {
  await withTempDir(async (temp) => {
    const dir = `${temp}/data`;
    const kit = new CopyKit();
    await kit.source.make("z", JSON_TYPE, numbers(0, 10));
    await kit.source.make("fork", { "stream-forked-from": "/v1/stream/z" });
    await kit.source.append("fork", JSON_TYPE, numbers(10, 20));
    await kit.source.make("text", { ...TEXT, "stream-closed": "true" }, "the end");
    match(await kit.ok(["--to", dir]), /^3 streams copied/);
    match(await kit.ok(["--to", dir]), /^0 streams copied, 0B, 3 equal already/);
    match(await kit.ok(["--from", dir]), /^3 streams copied/);
    for (const name of ["z", "fork", "text"]) {
      equal(await whole(kit.target, name), await whole(kit.source, name));
    }
    const { streams } = await kit.target.storage.list({ prefix: "fork", limit: 1 });
    equal(typeof streams[0]?.space, "object");
    equal((await kit.target.head("text")).headers.get("stream-closed"), "true");
  });
});

Deno.test("of a directory that a server uses, its URL is asked for", async () => {
  await withTempDir(async (dir) => {
    const storage = await openFileStorage({ dir });
    const { code, stderr } = await new CopyKit().run(["--from", dir]);
    equal(code, 5);
    match(stderr, /a server is running on .*: give its URL, such as --from http/);
    await storage.close();
  });
});

Deno.test("a directory that isn't there, or is none of streams, is no source", async () => {
  await withTempDir(async (dir) => {
    equal((await new CopyKit().run(["--from", `${dir}/nothing`])).code, 3);
    await Deno.writeTextFile(`${dir}/file`, "something else");
    equal((await new CopyKit().run(["--from", dir])).code, 3);
  });
});

Deno.test("a target that doesn't answer ends it, with 5", async () => {
  const kit = new CopyKit();
  await kit.source.make("a", TEXT, "abc");
  kit.gate = () => Promise.reject(new TypeError("refused"));
  const { code, stderr } = await kit.run(["--retry", "0s"]);
  equal(code, 5);
  equal(stderr.includes(`can't reach ${TO}`), true, stderr);
});
