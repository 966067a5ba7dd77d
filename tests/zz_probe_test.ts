import { deepStrictEqual as equal } from "node:assert";
import { FileKit } from "./support/file_kit.ts";
import { withTempDir } from "./support/temp_dir.ts";
import { refused } from "./support/expect.ts";
import { createMemoryStorage } from "../src/storage/memory.ts";
const enc = (s: string) => new TextEncoder().encode(s);
const T = "text/plain";
Deno.test("bug12: delete in log then 2 checkpoints", () => withTempDir(async (d) => {
  const kit = new FileKit(d); let s = await kit.open();
  await s.create("a", { contentType: T }); await s.create("b", { contentType: T });
  await kit.checkpoint();
  await s.create("c", { contentType: T });
  await s.delete("a"); await s.delete("c");
  s = await kit.crash();
  await kit.checkpoint(); await kit.checkpoint();
  await refused(s.head("c"), "not_found"); await refused(s.head("a"), "not_found");
  await s.create("c", {}); await kit.checkpoint();
  await kit.close();
}));
Deno.test("bug15: phantom fork", () => withTempDir(async (d) => {
  const kit = new FileKit(d, { maxLoadedStreams: 1 }); const s = await kit.open();
  await s.create("src", { contentType: T });
  await kit.checkpoint();
  await s.create("f", { fork: { source: "src" } });
  await s.delete("f");
  await kit.checkpoint();
  await s.head("file-kit/mark");
  for (let i = 0; i < 5; i++) await new Promise((r) => setImmediate(r));
  await s.delete("src");
  await refused(s.head("src"), "not_found");
  await kit.close();
}));
Deno.test("bug15b: phantom fork after replay", () => withTempDir(async (d) => {
  const kit = new FileKit(d, { maxLoadedStreams: 1 }); let s = await kit.open();
  await s.create("src", { contentType: T });
  await kit.checkpoint();
  await s.create("f", { fork: { source: "src" } });
  await s.delete("f");
  s = await kit.crash();
  await kit.checkpoint();
  await s.delete("src");
  await refused(s.head("src"), "not_found");
  await kit.close();
}));
Deno.test("bug16: files of a never stored stream", () => withTempDir(async (d) => {
  const kit = new FileKit(d); const s = await kit.open();
  await s.create("src", { contentType: T });
  await s.append("src", { contentType: T, body: new Uint8Array(1500000) });
  await s.append("src", { contentType: T, body: new Uint8Array(1) });
  await s.delete("src");
  await kit.checkpoint();
  await kit.close();
  const files = []; for (const dir of Deno.readDirSync(`${kit.dir}/segments`)) for (const f of Deno.readDirSync(`${kit.dir}/segments/${dir.name}`)) files.push(f.name);
  equal(files, []);
}));
Deno.test("bug36: concurrent fork create memory", async () => {
  const s = createMemoryStorage();
  await s.create("src", { contentType: T });
  const r = await Promise.all([1, 2, 3].map(() => s.create("f", { fork: { source: "src" } })));
  equal(r.filter((x) => x.created).length, 1);
});
Deno.test("bug35: odd dir", () => withTempDir(async (d) => {
  const kit = new FileKit(`${d}/a #b?c%41`); const s = await kit.open();
  await s.create("src", { contentType: T }); await kit.reopen(); await kit.close();
}));
Deno.test("bug ttl: small touch lost on clean close", () => withTempDir(async (d) => {
  const kit = new FileKit(d); let s = await kit.open();
  await s.create("src", { contentType: T, lifetime: { kind: "ttl", ttlSeconds: 100 } });
  await kit.checkpoint();
  kit.clock.advance(5000);
  await s.read("src", 0, 1000);
  s = await kit.reopen();
  kit.clock.advance(98000);
  await s.head("src");
  await kit.close();
}));
Deno.test("bug24: damaged expired row", () => withTempDir(async (d) => {
  const { DatabaseSync } = await import("node:sqlite");
  const kit = new FileKit(d); const s = await kit.open();
  await s.create("src", { contentType: T, lifetime: { kind: "ttl", ttlSeconds: 1 } });
  await kit.close();
  const db = new DatabaseSync(`${kit.dir}/catalog.sqlite`); db.exec("UPDATE stream SET seq='x' WHERE name='src'"); db.close();
  await kit.open();
  kit.clock.advance(5000);
  await kit.checkpoint();
  await kit.close();
}));
