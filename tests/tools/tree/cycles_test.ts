import { deepStrictEqual as equal } from "node:assert";
import { checkCycles } from "./cycles.ts";
import { files, violates } from "./rules_kit.ts";

Deno.test("cycles: files that import each other are named in their order", () => {
  violates(
    checkCycles(files({
      "src/a.ts": `import "./x/b.ts";`,
      "src/x/b.ts": `import { c } from "../c.ts";`,
      "src/c.ts": `import "./x/b.ts";`,
    })),
    /^src\/x\/b\.ts → src\/c\.ts → src\/x\/b\.ts: /,
  );
});

Deno.test("cycles: types and dynamic imports close one too, comments don't", () => {
  const back = (line: string) =>
    checkCycles(files({ "a.ts": `import "./b.ts";`, "b.ts": line, "c.ts": `import "./a.ts";` }));
  violates(back(`import type { A } from "./a.ts";`), /^a\.ts → b\.ts → a\.ts/);
  violates(back(`await import("./a.ts");`), /a\.ts/);
  violates(back(`import "./b.ts";`), /^b\.ts → b\.ts/);
  equal(back(`// import "./a.ts";`), []);
});

Deno.test("cycles: two ways to one file are none", () => {
  const sources = files({
    "a.ts": `import "./b.ts";\nimport "./c.ts";`,
    "b.ts": `import "./d.ts";`,
    "c.ts": `import "./d.ts";`,
    "d.ts": `import "node:path";\nimport "./not_ours.mjs";`,
  });
  equal(checkCycles(sources), []);
});
