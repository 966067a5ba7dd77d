import { deepStrictEqual as equal } from "node:assert";
import { files, violates } from "./rules_kit.ts";
import { checkVocabulary, OLD_WORDS } from "./vocabulary.ts";

Deno.test("vocabulary: an old word is found in the name of a file, a folder and in it", () => {
  violates(checkVocabulary(files({ "src/a/fates.ts": "" })), /^src\/a\/fates\.ts: .*"fates"/);
  violates(checkVocabulary(files({ "tests/complaints/a.ts": "" })), /"complaints"/);
  const check = (source: string) => checkVocabulary(files({ "src/a.ts": source }));
  violates(check("const mustHurry = 1;"), /the name mustHurry has the old word "hurry": urgent/);
  violates(check("const LET_THROUGH = 1;"), /"let through": yield/);
  violates(check("class A { #isLeaving = false; }"), /isLeaving/);
  violates(check("interface Fate { a: 1 }"), /Fate/);
  violates(check("x.glimpse();"), /summary/);
});

Deno.test("vocabulary: part of a word, a comment and a string aren't names", () => {
  equal(checkVocabulary(files({ "src/a.ts": `// A fate.\nconst fatal = "hurry";` })), []);
});

Deno.test("vocabulary: a word is old only where it meant something else", () => {
  const source = "const verb = 1;";
  violates(checkVocabulary(files({ "src/cli/a.ts": source })), /command/);
  equal(checkVocabulary(files({ "src/server/a.ts": source })), []);
});

Deno.test("vocabulary: each of the words is found, and a name that is excepted isn't", () => {
  for (const { words, within, except = [] } of OLD_WORDS) {
    for (const room of within.filter((room) => !room.endsWith(".ts"))) {
      for (const word of words) {
        const name = `x_${word.replaceAll(" ", "_")}`;
        const found = checkVocabulary(files({ [`${room}/a.ts`]: `const ${name} = 1;` }));
        equal(found.length, 1, `${word} in ${room}: ${found.join("\n")}`);
      }
      for (const name of except) {
        equal(checkVocabulary(files({ [`${room}/a.ts`]: `let ${name};` })), [], name);
      }
    }
  }
});
