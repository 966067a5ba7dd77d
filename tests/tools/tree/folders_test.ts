import { deepStrictEqual as equal } from "node:assert";
import { checkFolders } from "./folders.ts";
import { files, violates } from "./rules_kit.ts";

Deno.test("folders: one that doesn't say what lives there is found", () => {
  violates(checkFolders(files({ "src/a/b.ts": "" })), /^src\/a: has no README\.md/);
  violates(checkFolders(files({ "bench/a/b.ts": "", "bench/README.md": "A bench." })), /bench\/a/);
  violates(checkFolders(files({ "src/a/b.ts": "", "src/a/README.md": "a\n" })), /src\/a/);
  equal(checkFolders(files({ "src/a/b.ts": "", "src/a/README.md": "What b is." })), []);
});

Deno.test("folders: one of the tests that mirrors the source needs none, others do", () => {
  const source = { "src/a/b.ts": "", "src/a/README.md": "What b is." };
  equal(checkFolders(files({ ...source, "tests/a/b_test.ts": "" })), []);
  violates(checkFolders(files({ ...source, "tests/c/b_test.ts": "" })), /tests\/c/);
});

Deno.test("folders: those of others don't matter", () => {
  equal(checkFolders(files({ "examples/a.ts": "", "tools/b.ts": "", "main.ts": "" })), []);
});
