import { parseRules } from "../../access/access_rule.ts";
import { RULES_SECTION } from "../flags/access_flags.ts";

/** A table of the configuration file, for what flags can't say. */
export interface ConfigSection {
  /** Its name in the file: `access.rule` for `[[access.rule]]`. */
  readonly name: string;
  /** What it says, for messages. */
  readonly help: string;
  /**
   * Throws where it can't be taken. For an array of tables it is called with each of them in an array of its
   * own, so that a mistake is told with its line.
   *
   * @throws {RangeError} what is wrong and what would be right
   */
  check(value: unknown): void;
}

/** All of them: what the file has is in {@link FlagValues.extra}, by the section's name. */
export const CONFIG_SECTIONS: readonly ConfigSection[] = [
  {
    name: RULES_SECTION,
    help: "what whoever's token has certain claims may do",
    check: (value) => void parseRules(value),
  },
];
