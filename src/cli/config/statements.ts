import { parse } from "smol-toml";

/** Where a statement of a TOML document is: a `key = value`, or the header of a table. */
export interface Statement {
  /** The whole way to it, the table it stands in included: `["access", "rule", "path"]`. */
  readonly path: readonly string[];
  readonly isHeader: boolean;
  /** Counted from 1. */
  readonly line: number;
  readonly keyColumn: number;
  /** Where the value begins; of a header, where the key does. */
  readonly valueColumn: number;
}

/**
 * The statements of a document that can be parsed, in order. The parser doesn't say where what it found
 * stands: lines are gathered until they can be parsed by themselves, and that is a statement.
 */
export function statementsOf(source: string): readonly Statement[] {
  const statements: Statement[] = [];
  let table: readonly string[] = [];
  let gathered: string[] = [];
  for (const [index, line] of source.split(/\r?\n/).entries()) {
    gathered.push(line);
    const parsed = parseAlone(gathered);
    if (parsed === undefined) continue;
    const [first = ""] = gathered;
    const number = index + 2 - gathered.length;
    gathered = [];
    const isHeader = /^\s*\[/.test(first);
    const path = pathOf(parsed, isHeader);
    if (path.length === 0) continue;
    if (isHeader) table = path;
    const keyColumn = first.length - first.trimStart().length + 1;
    const before = /^\s*(?:"[^"]*"|'[^']*'|[^=])*=\s*/.exec(first)?.[0].length;
    statements.push({
      path: isHeader ? path : [...table, ...path],
      isHeader,
      line: number,
      keyColumn,
      valueColumn: isHeader || before === undefined ? keyColumn : before + 1,
    });
  }
  return statements;
}

function parseAlone(lines: readonly string[]): unknown {
  try {
    return parse(lines.join("\n"));
  } catch {
    return undefined;
  }
}

/** The keys down to the value; of a header, down to the empty table. */
function pathOf(parsed: unknown, isHeader: boolean): readonly string[] {
  const path: string[] = [];
  let value = parsed;
  while (typeof value === "object" && value !== null) {
    const inner: unknown = isHeader && Array.isArray(value) ? value[0] : value;
    const [entry, more] = Object.entries(inner ?? {});
    // What follows may be an inline table, whose keys are a part of the value.
    if (entry === undefined || more !== undefined || inner instanceof Date) break;
    if (Array.isArray(inner)) break;
    path.push(entry[0]);
    value = entry[1];
  }
  return path;
}
