import { match, ok } from "node:assert/strict";
import { readRepository } from "../tools/tree/read_tree.ts";

/** Whoever copies an example must not open their streams to a whole network. */

Deno.test("every example that listens names its address", async () => {
  let count = 0;
  for (const [path, text] of await readRepository()) {
    if (!/^(?:README\.md$|docs\/|examples\/|src\/)/.test(path)) continue;
    for (const [call] of text.matchAll(/\b(?:Bun|Deno)\.serve\((?!\)).{0,120}/gs)) {
      count++;
      match(call, /hostname:/, path);
    }
  }
  ok(count >= 4, `${count} examples`);
});
