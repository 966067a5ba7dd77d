import { deepStrictEqual as equal } from "node:assert";
import {
  checkBarrels,
  checkDocstrings,
  checkImports,
  checkLengths,
  checkMentions,
  checkNamed,
  checkReachable,
  checkWords,
} from "./rules.ts";
import { files, violates } from "./rules_kit.ts";
import type { Violations } from "./violations.ts";

function imports(path: string, specifier: string): Violations {
  return checkImports(files({ [path]: `import { x } from "${specifier}";` }));
}

Deno.test("imports: down is right, up is wrong", () => {
  equal(imports("src/server/app.ts", "../storage/storage.ts"), []);
  equal(imports("src/storage/file/log.ts", "../storage.ts"), []);
  equal(imports("src/protocol/a.ts", "./b.ts"), []);
  equal(imports("main.ts", "./src/cli/run.ts"), []);
  equal(imports("src/cli/context/version.ts", "../../../package.json"), []);
  violates(imports("src/storage/memory.ts", "../server/app.ts"), /may not import src\/server/);
  violates(imports("src/storage/memory.ts", "./file/log.ts"), /may not import src\/storage\/file/);
  violates(imports("src/storage/remote/a.ts", "../file/log.ts"), /may not import/);
  violates(imports("src/protocol/a.ts", "../env/clock.ts"), /may not import src\/env/);
  violates(imports("src/client/a.ts", "../storage/storage.ts"), /may not import src\/storage/);
  violates(imports("src/server/a.ts", "../mod.ts"), /may not import src\/mod\.ts/);
});

Deno.test("imports: inside a room too, a folder sees those below it only", () => {
  const up = /may not import/;
  equal(imports("src/storage/file/segments/a.ts", "../wal/b.ts"), []);
  violates(imports("src/storage/file/segments/a.ts", "../streams/b.ts"), up);
  violates(imports("src/storage/file/catalog/a.ts", "../wal/b.ts"), up);
  violates(imports("src/storage/file/streams/a.ts", "../open.ts"), up);
  equal(imports("src/storage/file/open.ts", "./streams/b.ts"), []);
  equal(imports("src/storage/file/maintenance/repair/a.ts", "../check/b.ts"), []);
  violates(imports("src/storage/file/maintenance/scan/a.ts", "../check/b.ts"), up);
  equal(imports("src/client/reader/a.ts", "../transport/b.ts"), []);
  violates(imports("src/client/reader/a.ts", "../producer/b.ts"), up);
  violates(imports("src/server/live/a.ts", "../verbs/b.ts"), up);
  violates(imports("src/cli/flags/a.ts", "../context/b.ts"), up);
  equal(imports("src/cli/serve/a.ts", "../../storage/file/open.ts"), []);
  violates(imports("src/server/verbs/a.ts", "../../storage/file/open.ts"), up);
});

Deno.test("imports: types, dynamic imports and re-exports count, comments don't", () => {
  const up = (line: string) => checkImports(files({ "src/protocol/a.ts": line }));
  violates(up(`import type { X } from "../env/clock.ts";`), /src\/env/);
  violates(up(`const x: import("../env/clock.ts").X = y;`), /src\/env/);
  violates(up(`export * from "../env/clock.ts";`), /src\/env/);
  violates(up(`import {\n  a,\n  b,\n} from "../env/clock.ts";`), /src\/env/);
  violates(up(`import "../env/clock.ts";`), /src\/env/);
  equal(up(`// import { x } from "../env/clock.ts";`), []);
});

Deno.test("imports: a module of the runtime is for the rooms that may use it", () => {
  equal(imports("src/env/disk.ts", "node:fs/promises"), []);
  equal(imports("src/storage/file/catalog/catalog.ts", "node:sqlite"), []);
  equal(imports("src/server/app.ts", "node:crypto"), []);
  violates(imports("src/protocol/a.ts", "node:fs"), /which only src\/env may/);
  violates(imports("src/storage/file/log.ts", "node:fs"), /which only src\/env may/);
  violates(imports("src/storage/memory.ts", "node:sqlite"), /only src\/storage\/file may/);
  violates(imports("src/server/a.ts", "node:path"), /node:path/);
});

Deno.test("imports: a new folder must say which layer it is", () => {
  violates(imports("src/helpers/a.ts", "./b.ts"), /belongs to no layer/);
  violates(imports("src/storage/file/new/a.ts", "./b.ts"), /belongs to no layer/);
  violates(imports("src/protocol/new/a.ts", "./b.ts"), /belongs to no layer/);
});

Deno.test("lengths: a file past the limit is named unless it is allowed", () => {
  const sources = files({ "src/a.ts": "x\n".repeat(5), "src/b.ts": "x\n".repeat(6) });
  violates(checkLengths(sources, 5, []), /src\/b\.ts: has 6 lines/);
  equal(checkLengths(sources, 5, ["src/b.ts"]), []);
});

Deno.test("reachable: a file nobody imports is named, a chain of imports reaches", () => {
  const sources = files({
    "main.ts": `import "./src/a.ts";`,
    "src/a.ts": `const b = await import("./b.ts");`,
    "src/b.ts": "",
    "src/c.ts": `import "./c.ts";`,
  });
  violates(checkReachable(sources, ["main.ts"], []), /src\/c\.ts: nothing imports it/);
  equal(checkReachable(sources, ["main.ts"], ["src/c.ts"]), []);
});

Deno.test("reachable: workers are listed, and the list has no others", () => {
  const sources = files({
    "main.ts": `new Worker(new URL("./src/worker.ts", import.meta.url));`,
    "src/worker.ts": "",
  });
  equal(checkReachable(sources, ["main.ts"], ["src/worker.ts"]), []);
  violates(
    checkReachable(files({ "main.ts": sources.get("main.ts") ?? "" }), ["main.ts"], []),
    /starts src\/worker\.ts, which isn't among/,
  );
  violates(checkReachable(files({}), [], ["src/gone.ts"]), /src\/gone\.ts: .* isn't there/);
});

Deno.test("named: a compiler that isn't told of a worker is found", () => {
  violates(checkNamed(["src/w.ts"], "deno.json", "compile main.ts"), /doesn't name src\/w\.ts/);
  equal(checkNamed(["src/w.ts"], "deno.json", "compile main.ts src/w.ts"), []);
});

Deno.test("words: each way around the type checker is found where it is", () => {
  const words = (line: string) => checkWords(files({ "src/a.ts": `\n${line}` }));
  violates(words("const x: any = 1;"), /src\/a\.ts:2: uses the type any/);
  violates(words("f<Record<string, any>>();"), /any/);
  violates(words("const x = y as any;"), /any/);
  violates(words("const x: any[] = [];"), /any/);
  violates(words("const x = y as unknown as Z;"), /casts by way of unknown/);
  violates(words("// @ts-" + "ignore: no"), /turns the type checker off/);
  violates(words("// TO" + "DO: later"), /TODO without/);
});

Deno.test("words: the same words in prose, in calls and with an issue are fine", () => {
  const fine = [
    "// any stream, as unknown as it is",
    `const x = "any";`,
    "AbortSignal.any([a]);",
    "const x = { any: 1 };",
    "/** Anything, of any kind. */",
    "// TO" + "DO #12: later",
    "// TO" + "DO(#12): later",
    "const company = many;",
  ];
  equal(checkWords(files({ "src/a.ts": fine.join("\n") })), []);
});

Deno.test("docstrings: an export without one right before it is named", () => {
  const docs = (source: string) => checkDocstrings(files({ "src/a.ts": source }));
  violates(docs("export function f() {}"), /src\/a\.ts:1: f has no docstring/);
  violates(docs("/** A. */\nconst a = 1;\nexport class B {}"), /src\/a\.ts:3: B/);
  violates(docs("/* Not one. */\nexport interface C {}"), /C has/);
  violates(docs("// Not one.\nexport async function d() {}"), /d has/);
  violates(docs("export abstract class E {}"), /E has/);
  equal(docs("/** F. */\nexport function f() {}"), []);
  equal(docs("/** Of `text/*`. */\nexport function f() {}"), []);
  equal(
    docs("/**\n * G.\n */\n// deno-lint-ignore require-await\nexport async function g() {}"),
    [],
  );
  equal(docs("function h() {}\nconst text = `\nexport function i() {}\n`;"), []);
  equal(
    docs("/** J. */\nexport function j(a: 1): 1;\nexport function j(a: 2): 2;\n"),
    [],
    "overloads share the first one's",
  );
});

Deno.test("barrels: a file of re-exports is named unless it is an entry point", () => {
  const barrel = `/** All. */\nexport * from "./a.ts";\nexport {\n  type B,\n} from "./b.ts";\n`;
  violates(checkBarrels(files({ "src/x.ts": barrel }), []), /src\/x\.ts: only passes on/);
  equal(checkBarrels(files({ "src/x.ts": barrel }), ["src/x.ts"]), []);
  violates(
    checkBarrels(files({ "src/x.ts": `import { a } from "./a.ts";\nexport { a };\n` }), []),
    /passes on/,
  );
  equal(checkBarrels(files({ "src/x.ts": `${barrel}export const c = 1;\n` }), []), []);
  equal(checkBarrels(files({ "main.ts": `import "./src/cli/run.ts";\n` }), []), []);
});

Deno.test("mentions: a registry's host and a machine's folder are found in any file", () => {
  const mentions = (text: string) => checkMentions(files({ "README.md": text }));
  const registry = ["registry", "npmjs", "org"].join(".");
  violates(mentions(`see https://${registry}/x`), /README\.md:1: names a package registry/);
  violates(mentions(`see ${["jsr", "io"].join(".")}`), /registry/);
  violates(mentions(`in ${["", "work", "main"].join("/")}`), /names a folder of one machine/);
  violates(mentions(`"${["", "root", ".cache"].join("/")}"`), /one machine/);
  violates(mentions(`cd ${["", "home", "me"].join("/")}`), /one machine/);
  equal(mentions("src/work/a.ts, /v1/stream/home/x, jsr.ioxyz, npm install"), []);
});
