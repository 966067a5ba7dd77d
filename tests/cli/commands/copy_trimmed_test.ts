import { equal, match } from "node:assert/strict";
import { JSON_TYPE } from "../../support/fixture.ts";
import { CopyKit, numbers } from "./copy_kit.ts";

Deno.test("a trimmed stream is copied as far as it is there; run again, it is equal", async () => {
  const kit = new CopyKit();
  await kit.source.make("a", JSON_TYPE, numbers(0, 10));
  const before = { "stream-trim-before": kit.source.offset(9) };
  equal((await kit.source.send("PATCH", "a", before)).status, 204);
  await kit.ok();
  equal(await kit.target.content("a"), await kit.source.content("a"));
  match(await kit.ok(), /^0 streams copied, 0B, 1 equal already/);
});

Deno.test("a copy of what the source has trimmed since is refused, with the reason", async () => {
  const kit = new CopyKit();
  await kit.source.make("a", JSON_TYPE, numbers(0, 10));
  await kit.ok();
  await kit.source.send("PATCH", "a", { "stream-trim-before": kit.source.offset(9) });
  const lines = await kit.json();
  match(String(lines[0]?.["reason"]), /from message 1 on; the source was trimmed/);
  equal(lines[0]?.["outcome"], "refused");
  equal(await kit.target.content("a"), numbers(0, 10));
});
