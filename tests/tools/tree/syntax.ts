/// <reference lib="deno.unstable" />

/** Something that has a name or a length, and the line that it begins at. */
export interface Located {
  readonly name: string;
  readonly line: number;
}

/** A function, method or arrow function; one without a name goes by what it is given to. */
export interface FunctionSyntax extends Located {
  readonly lines: number;
}

/** The parts of a source that rules ask for and only a parser can tell. */
export interface Syntax {
  readonly functions: readonly FunctionSyntax[];
  /** Each identifier, private ones without their `#`. */
  readonly identifiers: readonly Located[];
  /** The names that `Deno.test`, `it…` and a test's `step` are given as they stand. */
  readonly tests: readonly Located[];
}

type FunctionNode =
  | Deno.lint.FunctionDeclaration
  | Deno.lint.FunctionExpression
  | Deno.lint.ArrowFunctionExpression;

const parsed = new Map<string, Syntax>();

/**
 * Parses a source with Deno's own parser, that of its linter, which is there in `deno test` only. An
 * empty statement between others hides those behind it from a plugin; `deno fmt` takes such away.
 */
export function syntaxOf(source: string): Syntax {
  const known = parsed.get(source);
  if (known !== undefined) return known;
  const syntax = parseAny(source);
  parsed.set(source, syntax);
  return syntax;
}

/** As TypeScript, and where it is none as TSX, which takes neither casts nor `<T>(x: T) => x`. */
function parseAny(source: string): Syntax {
  try {
    return parse("a.ts", source);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return parse("a.tsx", source);
  }
}

function parse(fileName: string, source: string): Syntax {
  const functions: FunctionSyntax[] = [];
  const identifiers: Located[] = [];
  const tests: Located[] = [];
  const lineOf = lineCounter(source);
  const addFunction = (node: FunctionNode) => {
    const [start, end] = ownerOf(node).range;
    const line = lineOf(start);
    functions.push({ name: nameOf(node), line, lines: lineOf(end) - line + 1 });
  };
  const addIdentifier = (node: Deno.lint.Identifier | Deno.lint.PrivateIdentifier) => {
    identifiers.push({ name: node.name, line: lineOf(node.range[0]) });
  };
  const visitor: Deno.lint.LintVisitor = {
    FunctionDeclaration: addFunction,
    FunctionExpression: addFunction,
    ArrowFunctionExpression: addFunction,
    Identifier: addIdentifier,
    PrivateIdentifier: addIdentifier,
    CallExpression(node) {
      const name = testNameOf(node);
      if (name !== undefined) tests.push({ name, line: lineOf(node.range[0]) });
    },
  };
  Deno.lint.runPlugin(
    { name: "tree", rules: { syntax: { create: () => visitor } } },
    fileName,
    source,
  );
  return { functions, identifiers, tests };
}

/** A method is counted from its name on, not from its parentheses. */
function ownerOf(node: FunctionNode): Deno.lint.Node {
  const { parent } = node;
  return parent.type === "MethodDefinition" || parent.type === "Property" ? parent : node;
}

function nameOf(node: FunctionNode): string {
  if (node.type !== "ArrowFunctionExpression" && node.id !== null) return node.id.name;
  const { parent } = node;
  switch (parent.type) {
    case "MethodDefinition":
    case "PropertyDefinition":
    case "Property":
      return keyName(parent.key);
    case "VariableDeclarator":
      return keyName(parent.id);
    case "CallExpression":
      return `the function given to ${keyName(parent.callee)}`;
    default:
      return "a function without a name";
  }
}

function keyName(node: Deno.lint.Node): string {
  switch (node.type) {
    case "Identifier":
    case "PrivateIdentifier":
      return node.name;
    case "MemberExpression":
      return `${keyName(node.object)}.${keyName(node.property)}`;
    case "Literal":
      return String(node.value);
    default:
      return "an expression";
  }
}

function testNameOf(node: Deno.lint.CallExpression): string | undefined {
  if (!/^(?:Deno\.test(?:\.\w+)?|it(?:[A-Z]\w*)?|\w+\.step)$/.test(keyName(node.callee))) {
    return undefined;
  }
  const [first] = node.arguments;
  if (first?.type !== "ObjectExpression") return textOf(first);
  for (const property of first.properties) {
    if (property.type === "Property" && keyName(property.key) === "name") {
      return textOf(property.value);
    }
  }
  return undefined;
}

function textOf(node: Deno.lint.Node | undefined): string | undefined {
  if (node?.type === "Literal" && typeof node.value === "string") return node.value;
  if (node?.type === "TemplateLiteral") {
    return node.quasis.map(({ cooked }) => cooked).join("…");
  }
  return undefined;
}

function lineCounter(source: string): (index: number) => number {
  const starts = [0];
  for (let at = source.indexOf("\n"); at >= 0; at = source.indexOf("\n", at + 1)) {
    starts.push(at + 1);
  }
  return (index) => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= index) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}
