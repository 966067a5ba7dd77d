import { invalidArgument } from "../client/errors/invalid_argument.ts";

/** What the names of a chat's streams begin with unless told otherwise. */
export const DEFAULT_PREFIX = "chats/";

/** The most characters of a chat's or an answer's id: both are in the name of one stream. */
const ID_LIMIT_CHARS = 128;
// deno-lint-ignore no-control-regex
const FORBIDDEN = /[/\u0000-\u001f\u007f-\u009f]/;

/** Where a chat's streams are. */
export interface ChatAddress {
  /** The chat's id, 1 to 128 characters without `/`. */
  readonly chat: string;
  /** What the streams' names begin with; `chats/`. */
  readonly prefix?: string | undefined;
}

/** The stream of a chat that names its answers, one message each. */
export function chatPath({ chat, prefix = DEFAULT_PREFIX }: ChatAddress): string {
  return `${prefix}${checkId("The chat's id", chat)}`;
}

/** The stream of one answer. */
export function answerPath(address: ChatAddress, answer: string): string {
  return `${chatPath(address)}/${checkId("The answer's id", answer)}`;
}

/**
 * The id itself, where it is one segment of a stream's name.
 *
 * @throws {ClientError} `invalid_argument`
 */
function checkId(name: string, id: unknown): string {
  const isId = typeof id === "string" && id !== "" && id.length <= ID_LIMIT_CHARS &&
    id !== "." && id !== ".." && id.isWellFormed() && !FORBIDDEN.test(id);
  if (isId) return id;
  throw invalidArgument(name, id, `1 to ${ID_LIMIT_CHARS} characters, none of them a slash`);
}
