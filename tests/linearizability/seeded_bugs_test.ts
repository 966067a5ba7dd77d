import { ok } from "node:assert/strict";
import process from "node:process";
import type { SeededBug } from "../crash/seeded/seeded_bug.ts";
import { seedBug } from "../crash/seeded/seeded_copy.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { runCommand } from "../tools/command.ts";

/** The check bites: each of these bugs, planted on a copy, is found within `LINEAR_BUG_SECONDS` (40). */
const SECONDS = Number(process.env["LINEAR_BUG_SECONDS"] ?? 40);
const PAUSE = "await new Promise((resolve) => setTimeout(resolve, 1));";

const BUGS: readonly SeededBug[] = [
  {
    name: "something comes between deciding an append and recording it",
    edits: [{
      file: "engine.ts",
      from: '    if (decided === "duplicate") this.#accessed(stream);\n',
      to: `    ${PAUSE}\n    if (decided === "duplicate") this.#accessed(stream);\n`,
    }, {
      file: "engine.ts",
      from: "  #append(name: string, request: AppendRequest): Promise<Appended> {",
      to: "  async #append(name: string, request: AppendRequest): Promise<Appended> {",
    }],
  },
  {
    name: "something comes between looking for a stream and making it",
    edits: [{
      file: "engine.ts",
      from: "      record = this.#createRecord(name, spec, fork);\n",
      to: `      ${PAUSE}\n      record = this.#createRecord(name, spec, fork);\n`,
    }],
  },
  {
    name: "a fork isn't decided again after its wait",
    edits: [{
      file: "engine.ts",
      from: "    if (fork !== undefined && !this.#stillHolds(name, fork))",
      to: `    if (fork !== undefined) ${PAUSE}\n    if (name === "" && fork !== undefined)`,
    }],
  },
  {
    name: "a closed stream takes appends",
    edits: [{
      file: "decide.ts",
      from: "  if (stream.closed) return decideOnClosed",
      to: "  if (stream.closed && close) return decideOnClosed",
    }],
  },
  {
    name: "a Stream-Seq may come twice",
    edits: [{
      file: "decide.ts",
      from: "  checkSeq(stream, request.seq, space);\n",
      to: "  if (stream.seq !== request.seq) checkSeq(stream, request.seq, space);\n",
    }],
  },
  {
    name: "the expected offset isn't looked at",
    edits: [{
      file: "decide.ts",
      from: "  checkExpectedTail(stream, request.expectedTail, space);\n",
      to: "  checkExpectedTail(stream, undefined, space);\n",
    }],
  },
  {
    name: "a producer's batch is taken twice",
    edits: [{
      file: "decide.ts",
      from: "  if (batch.seq <= known.seq) return true;\n",
      to: "  if (batch.seq < known.seq) return true;\n",
    }],
  },
  {
    name: "a stale epoch is taken",
    edits: [{
      file: "decide.ts",
      from: "  if (batch.epoch < known.epoch) throw staleEpoch(batch, known.epoch);\n",
      to: "",
    }],
  },
  {
    name: "a HEAD lags behind what was acknowledged",
    edits: [{
      file: "engine.ts",
      from: "    return this.#updates.infoOf(await this.#visible(name));\n",
      to: "    const info = this.#updates.infoOf(await this.#visible(name));\n" +
        "    return { ...info, tail: info.tail > 12 ? info.tail - 5 : info.tail };\n",
    }],
  },
  {
    name: "a read goes past what it says is its end",
    edits: [{
      file: "engine.ts",
      from: "      return { ...info, data, start, next };\n",
      to:
        "      return { ...info, data, start, next: info.tail > 12 ? info.tail - 5 : info.tail };\n",
    }],
  },
];

for (const bug of BUGS) {
  Deno.test(`found: ${bug.name}`, () =>
    withTempDir(async (dir) => {
      seedBug(dir, bug);
      const script = ["run", "-A", "--no-check", "--no-lock", "-c", "deno.json"];
      const { code, output } = await runCommand(
        [Deno.execPath(), ...script, "tests/linearizability/search.ts", String(SECONDS)],
        { cwd: dir, limitMinutes: 5 },
      );
      ok(code === 0 && output.includes("found: "), output);
      console.log(`  ${output.trim().split("\n")[0]}`);
    }));
}
