import { childrenOf, type JsonChild, kindAt, memberOf, stringIn, valueStart } from "./json_lazy.ts";

/** Whether a JSON message is one that is looked for. */
export type Condition = (bytes: Uint8Array) => boolean;

/** What a value is compared as; whole numbers that a double can't hold are exact. */
type Scalar = string | number | bigint | boolean | null;
type Step = string | number | typeof EVERY;
type Operator = (typeof OPERATORS)[number];

const EVERY = Symbol("every child");
const OPERATORS = ["==", "!=", "<=", ">=", "=", "<", ">", "~"] as const;

/** At most so many children are looked at where a path says `*`. */
const EVERY_LIMIT = 1_000;

/** One step of a path at the start of a text. */
const STEP =
  /^(?:\.?([\p{L}_$][\p{L}\p{N}_$-]*)|\.?(\*)|\[\s*(\d+|\*)\s*\]|\[\s*("(?:[^"\\]|\\.)*"|'[^']*')\s*\])/u;

/**
 * The condition that a text says: `$.user.name == "ada"`, `level >= 40`, `tags[*] = "x"`,
 * `text ~ "part of it"`, or only `error`: there is such a member. `&&` joins several.
 *
 * @throws {RangeError} where it can't be read: the message says why, for people
 */
export function parseCondition(text: string): Condition {
  const conditions = splitAnd(text).map(parseOne);
  return (bytes) => conditions.every((condition) => condition(bytes));
}

function parseOne(text: string): Condition {
  const trimmed = text.trim();
  let rest = trimmed.replace(/^\$(?=[.[\s=!<>~]|$)/, "");
  const steps: Step[] = [];
  for (let match = STEP.exec(rest); match !== null; match = STEP.exec(rest)) {
    steps.push(stepOf(match));
    rest = rest.slice(match[0].length);
  }
  rest = rest.trim();
  if (steps.length === 0 && !trimmed.startsWith("$")) {
    throw new RangeError(`A path is missing in “${trimmed}”: write one such as user.name.`);
  }
  if (rest === "") return (bytes) => someAt(bytes, steps, () => true);
  const operator = OPERATORS.find((operator) => rest.startsWith(operator));
  if (operator === undefined) {
    throw new RangeError(
      `“${rest}” can't be read: after the path comes ==, !=, <, >, <=, >= or ~.`,
    );
  }
  const wanted = parseOperand(rest.slice(operator.length).trim());
  return (bytes) =>
    someAt(bytes, steps, (child) => compare(scalarOf(bytes, child), operator, wanted));
}

function stepOf([, name, star, index, quoted]: RegExpExecArray): Step {
  if (name !== undefined) return name;
  if (star !== undefined || index === "*") return EVERY;
  if (index !== undefined) return Number(index);
  return unquote(quoted ?? "");
}

function parseOperand(text: string): Scalar {
  if (text === "") throw new RangeError("A value is missing behind the operator.");
  if (/^['"]/.test(text)) {
    if (!/^(?:"(?:[^"\\]|\\.)*"|'[^']*')$/.test(text)) {
      throw new RangeError(`The text ${text} has no end, or something behind it.`);
    }
    return unquote(text);
  }
  if (text === "true" || text === "false") return text === "true";
  if (text === "null") return null;
  const number = numberOf(text);
  return typeof number === "number" && Number.isNaN(number) ? text : number;
}

function numberOf(text: string): number | bigint {
  const number = Number(text);
  // Longer ones would take long.
  const isLong = !Number.isSafeInteger(number) && /^-?\d{16,300}$/.test(text);
  return isLong ? BigInt(text) : number;
}

function isNumeric(value: Scalar | undefined): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function isSame(value: Scalar | undefined, wanted: Scalar): boolean {
  if (!isNumeric(value) || !isNumeric(wanted)) return value === wanted;
  return value >= wanted && value <= wanted;
}

function unquote(text: string): string {
  if (text.startsWith("'")) return text.slice(1, -1);
  try {
    return String(JSON.parse(text));
  } catch {
    throw new RangeError(`The text ${text} is no JSON string.`);
  }
}

/** Parts at `&&`, but not within quotes. */
function splitAnd(text: string): string[] {
  const parts: string[] = [];
  let part = "";
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|'[^']*'|&&|[^]/g)) {
    if (token !== "&&") part += token;
    else {
      parts.push(part);
      part = "";
    }
  }
  return [...parts, part];
}

/** Whether a value that the steps lead to is as wanted. */
function someAt(
  bytes: Uint8Array,
  steps: readonly Step[],
  test: (child: JsonChild) => boolean,
): boolean {
  const start = valueStart(bytes);
  const root = { key: "$", kind: kindAt(bytes, start), start, end: bytes.length };
  return walk(bytes, root, steps, 0, test);
}

function walk(
  bytes: Uint8Array,
  at: JsonChild,
  steps: readonly Step[],
  depth: number,
  test: (child: JsonChild) => boolean,
): boolean {
  const step = steps[depth];
  if (step === undefined) return test(at);
  if (at.kind !== "object" && at.kind !== "array") return false;
  if (step === EVERY) {
    const { children } = childrenOf(bytes, at.start, EVERY_LIMIT);
    return children.some((child) => walk(bytes, child, steps, depth + 1, test));
  }
  const child = childAt(bytes, at, step);
  return child !== undefined && walk(bytes, child, steps, depth + 1, test);
}

function childAt(bytes: Uint8Array, at: JsonChild, step: string | number): JsonChild | undefined {
  if (at.kind === "object") return memberOf(bytes, at.start, String(step));
  if (typeof step === "string") return undefined;
  return childrenOf(bytes, at.start, step + 1).children[step];
}

function scalarOf(
  bytes: Uint8Array,
  child: JsonChild,
): Scalar | undefined {
  if (child.kind === "string") return stringIn(bytes, child.start, child.end);
  if (child.kind === "object" || child.kind === "array") return undefined;
  const text = new TextDecoder().decode(bytes.subarray(child.start, child.end));
  if (child.kind === "number") return numberOf(text);
  return text.trim() === "null" ? null : text.trim() === "true";
}

function compare(
  value: Scalar | undefined,
  operator: Operator,
  wanted: Scalar,
): boolean {
  if (operator === "~") {
    return String(value ?? "").toLowerCase().includes(String(wanted).toLowerCase());
  }
  if (operator === "==" || operator === "=") return isSame(value, wanted);
  if (operator === "!=") return !isSame(value, wanted);
  if (value === undefined || value === null || wanted === null) return false;
  if (typeof value !== typeof wanted && !(isNumeric(value) && isNumeric(wanted))) return false;
  if (operator === "<") return value < wanted;
  if (operator === "<=") return value <= wanted;
  return operator === ">" ? value > wanted : value >= wanted;
}
