/** Whether a subject matches a pattern: `*` stands for a token, `>` at the end for one or more. */
export function matchesSubject(pattern: string, subject: string): boolean {
  const wanted = pattern.split(".");
  const tokens = subject.split(".");
  for (const [at, token] of wanted.entries()) {
    if (token === ">") return tokens.length > at;
    if (at >= tokens.length || token !== "*" && token !== tokens[at]) return false;
  }
  return wanted.length === tokens.length;
}
