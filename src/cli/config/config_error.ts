import { UsageError } from "../flags/usage_error.ts";

/** A mistake in a configuration file. */
export interface ConfigProblem {
  /** Counted from 1. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** A configuration file is wrong; its message has a line for each mistake: `FILE:3:8: …`. */
export class ConfigError extends UsageError {
  readonly problems: readonly ConfigProblem[];

  constructor(path: string, problems: readonly ConfigProblem[]) {
    const sorted = [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
    super(
      sorted.map(({ line, column, message }) => `${path}:${line}:${column}: ${message}`).join("\n"),
    );
    this.problems = sorted;
  }
}
