const TOKEN =
  // deno-lint-ignore no-control-regex
  /[ \t\r\n]*(?:([{}[\],:])|("(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;
const SPACE = /[ \t\r\n]*/y;

/** What may come next. */
type Next = "value" | "value or ]" | "key" | "key or }" | ":" | ", or end";

/**
 * Where text stops being JSON, as an index into it: engines say so in words of their own, or not at all.
 * Its end, where it only stops too early.
 */
export function jsonFaultAt(text: string): number {
  const open: ("{" | "[")[] = [];
  let next: Next = "value";
  let at = 0;
  for (;;) {
    SPACE.lastIndex = at;
    SPACE.exec(text);
    const start = SPACE.lastIndex;
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null || (next === ", or end" && open.length === 0)) return start;
    const [, mark, string] = match;
    const after = step(next, mark ?? (string === undefined ? "word" : "string"), open);
    if (after === undefined) return start;
    next = after;
    at = TOKEN.lastIndex;
  }
}

/** What may come after a token; undefined where that may not come itself. */
function step(next: Next, token: string, open: ("{" | "[")[]): Next | undefined {
  const takesValue = next === "value" || next === "value or ]";
  const takesKey = next === "key" || next === "key or }";
  if (token === "{" || token === "[") {
    if (!takesValue) return undefined;
    open.push(token);
    return token === "{" ? "key or }" : "value or ]";
  }
  if (token === "}" || token === "]") {
    const isEmpty = next === (token === "}" ? "key or }" : "value or ]");
    if (!isEmpty && next !== ", or end") return undefined;
    return open.pop() === (token === "}" ? "{" : "[") ? ", or end" : undefined;
  }
  if (token === ":") return next === ":" ? "value" : undefined;
  if (token === ",") {
    if (next !== ", or end") return undefined;
    return open.at(-1) === "{" ? "key" : "value";
  }
  if (takesKey) return token === "string" ? ":" : undefined;
  return takesValue ? ", or end" : undefined;
}
