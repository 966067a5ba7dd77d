import type { FlagTable } from "./flag.ts";
import type { FlagValues } from "./flag_values.ts";

/** One of the program's commands. */
export interface Verb {
  readonly name: string;
  readonly summary: string;
  readonly flags: FlagTable;
  /** Does it; resolves to the exit code. */
  run(values: FlagValues): Promise<number>;
}
