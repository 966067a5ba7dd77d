import { matches, parsePattern } from "../../protocol/name_pattern.ts";
import { config } from "../api/config.ts";
import { hello } from "./feed.ts";

/** What a page may ask for, as tokens name it. */
export type Verb =
  | "read"
  | "append"
  | "create"
  | "close"
  | "delete"
  | "list"
  | "subscribe"
  | "admin";

/**
 * Whether the page's token has a right; over a stream where one is named, else over any. Without
 * access control everybody has all of them, and with it nobody has any before the server has said which.
 * The server decides anew: this is only what is offered.
 */
export function may(verb: Verb, name?: string): boolean {
  const said = hello.value;
  if (said === undefined) return !config.access;
  if (said.grants === null) return true;
  const patterns = said.grants.flatMap(({ verbs, patterns }) =>
    verbs.includes(verb) ? patterns : []
  );
  if (name === undefined) return patterns.length > 0 || said.verbs[verb] === true;
  return patterns.some((pattern) => matches(parsePattern(pattern), name));
}
