/** Whether a name is one that a pattern means, written down as plainly as it can be said (PROTOCOL §6.2). */
export function matchesPattern(pattern: string, name: string): boolean {
  return match(pattern.split("/"), name.split("/"));
}

function match([segment, ...rest]: readonly string[], parts: readonly string[]): boolean {
  if (segment === undefined) return parts.length === 0;
  if (segment === "**") return parts.some((_, i) => match(rest, parts.slice(i))) || match(rest, []);
  const [part, ...others] = parts;
  return part !== undefined && (segment === "*" || segment === part) && match(rest, others);
}
