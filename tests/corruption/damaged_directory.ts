import { ok } from "node:assert/strict";
import { nodeFileSystem } from "../../src/env/node_file_system.ts";
import { findingsOf } from "../../src/storage/file/maintenance/check/check.ts";
import { describeFinding, type Finding } from "../../src/storage/file/maintenance/check/finding.ts";
import { directoryPaths } from "../../src/storage/file/directory/paths.ts";
import { copyFolder, filesIn } from "./folders.ts";
import { type Answers, answersOf, DAMAGED, OPEN } from "./answers.ts";

/** A directory that is damaged in one place at a time. */
export class DamagedDirectory {
  readonly dir: string;
  /** What a reader may see where nothing is found. */
  readonly #right: readonly Answers[];
  readonly #copy: string;

  /**
   * @param root a folder of the test's own
   * @param right the answers before any damage, or those that are as right
   */
  constructor(root: string, dir: string, right: readonly Answers[]) {
    this.dir = dir;
    this.#copy = `${root}/copy`;
    this.#right = right;
  }

  /** Files of the directory by their path in it, with their bytes. */
  files(): Map<string, Uint8Array<ArrayBuffer>> {
    return new Map(filesIn(this.dir).map((path) => [path, Deno.readFileSync(path)]));
  }

  /** What `check` says is damaged. */
  check(): Finding[] {
    return findingsOf({ fileSystem: nodeFileSystem, paths: directoryPaths(this.dir) });
  }

  #difference(answers: Answers): string {
    const [right = new Map<string, string>()] = this.#right;
    const question = [...answers.keys()].find((each) => right.get(each) !== answers.get(each)) ??
      "";
    return `"${question}" is answered ${answers.get(question)}, not ${right.get(question)}`;
  }

  /**
   * Sees that damage is found, or changes no answer; and that what is answered is right or says that it
   * is damaged, found or not.
   *
   * @param what for the message where that isn't so
   */
  async judge(what: string, findings: readonly Finding[]): Promise<void> {
    copyFolder(this.dir, this.#copy);
    let answers: Answers;
    try {
      answers = await answersOf(this.#copy);
    } catch (error) {
      throw new Error(`${what}: no answer but a defect`, { cause: error });
    } finally {
      Deno.removeSync(this.#copy, { recursive: true });
    }
    const found = findings.map(describeFinding).join("\n");
    if (findings.length === 0) {
      const isRight = this.#right.some((right) => isSame(right, answers));
      ok(isRight, `${what}: nothing is found, but ${this.#difference(answers)}`);
      return;
    }
    for (const [question, answer] of answers) {
      if (question === OPEN || answer.startsWith(DAMAGED)) continue;
      // A stream that isn't found any more is named by the check; other bytes are never served.
      // A checkpoint that meets damage ends all writing, with the reason in the refusal.
      const isGone =
        /^refused: (?:not_found|gone|subscription_not_found|storage_failed)$/.test(answer) ||
        question === "list";
      const isRight = this.#right.some((right) => right.get(question) === answer);
      ok(isRight || isGone, `${what}: "${question}" has a wrong answer: ${answer}\n${found}`);
    }
  }
}

function isSame(a: Answers, b: Answers): boolean {
  return a.size === b.size && [...a].every(([question, answer]) => b.get(question) === answer);
}
