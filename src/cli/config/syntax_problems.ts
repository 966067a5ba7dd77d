import { parse, TomlError } from "smol-toml";
import type { ConfigProblem } from "./config_error.ts";

/** More mistakes than this are hardly many: what follows one is taken for another. */
const MAX_PROBLEMS = 10;

/** A value that would be text, had it quotes. */
const BARE_VALUE = /^\s*[\w."'-]+\s*=\s*([^\s"'[{#][^#]*?)\s*(?:#.*)?$/;

/**
 * The mistakes in the TOML itself. The parser tells the first: the others are found without that one's line.
 */
export function syntaxProblems(source: string): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const lines = source.split(/\r?\n/);
  while (problems.length < MAX_PROBLEMS) {
    const problem = firstProblem(lines);
    if (problem === undefined) break;
    problems.push(problem);
    if ((lines[problem.line - 1] ?? "") === "") break;
    lines[problem.line - 1] = "";
  }
  return problems;
}

function firstProblem(lines: readonly string[]): ConfigProblem | undefined {
  try {
    parse(lines.join("\n"));
    return undefined;
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const { line, column } = error;
    const [message = ""] = error.message.replace(/^Invalid TOML document: /, "").split("\n");
    return { line, column, message: `${message}${hintAt(lines[line - 1] ?? "")}` };
  }
}

function hintAt(line: string): string {
  const value = BARE_VALUE.exec(line)?.[1];
  if (value === undefined) return "; expected TOML, such as port = 4437";
  return `; text stands in quotes: ${JSON.stringify(value)}`;
}
