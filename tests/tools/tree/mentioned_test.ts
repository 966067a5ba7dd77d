import { deepStrictEqual as equal } from "node:assert";
import { checkMentionedNames } from "./mentioned_names.ts";
import { checkMentionedPaths } from "./mentioned_paths.ts";
import { files, violates } from "./rules_kit.ts";
import type { Violations } from "./violations.ts";

function paths(text: string): Violations {
  return checkMentionedPaths(files({
    "docs/GUIDE.md": text,
    "README.md": "",
    "src/storage/decide.ts": "",
    "src/a/reader.ts": "",
    "src/b/reader.ts": "",
  }));
}

Deno.test("mentioned: a path of a document that leads nowhere is found", () => {
  violates(
    paths("a\nsee `src/storage/gone.ts`"),
    /^docs\/GUIDE\.md:2: names src\/storage\/gone\.ts/,
  );
  violates(paths("what src/gone/ has"), /names src\/gone\//);
  violates(paths("`gone.ts` does it"), /names gone\.ts, which isn't there/);
  violates(paths("`storage/gone.ts` does it"), /names storage\/gone\.ts/);
  violates(paths("[how](gone/)"), /links to gone\//);
  violates(paths("[how](../docs/gone#x)"), /links to \.\.\/docs\/gone/);
});

Deno.test("mentioned: a name that may be two files is found", () => {
  violates(paths("`reader.ts` reads"), /which may be src\/a\/reader\.ts or src\/b\/reader\.ts/);
});

Deno.test("mentioned: what is there, is elsewhere or is made in a run is fine", () => {
  equal(paths("`storage/decide.ts`, `decide.ts`, `a/reader.ts`, src/storage/, tests nothing"), []);
  equal(paths("[up](../README.md#a), [here](#b), [there](https://example.com/src/x.ts)"), []);
  equal(paths("`src/cli/commands/NAME.ts`, `bench/results/local/`"), []);
  equal(checkMentionedPaths(files({ "CHANGELOG.md": "src/gone.ts" })), []);
});

Deno.test("mentioned: a name of the code that no source has is found", () => {
  const names = (text: string) =>
    checkMentionedNames(files({ "A.md": text }), files({ "a.ts": "class Range { body() {} }" }));
  violates(names("\n`TailBuffer` is"), /^A\.md:2: names TailBuffer, which no source has/);
  violates(names("`Range.slice` is"), /Range\.slice/);
  equal(names("`Range`, `Range.body`, `body()`, `HEAD`, `tail`, Gone, `--Flag`"), []);
});
