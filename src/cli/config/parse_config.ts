import { parse } from "smol-toml";
import { BadValue, type Flag, type FlagTable, isAccepted } from "../flags/flag.ts";
import type { ConfigFile, FileText } from "../flags/flag_values.ts";
import { suggest } from "../flags/suggestion.ts";
import { withoutPassword } from "../flags/without_password.ts";
import { ConfigError, type ConfigProblem } from "./config_error.ts";
import { CONFIG_SECTIONS, type ConfigSection } from "./sections.ts";
import { type Statement, statementsOf } from "./statements.ts";
import { syntaxProblems } from "./syntax_problems.ts";

/** What a configuration file may say. */
export interface ConfigForm {
  /** Each one that may be in the environment is a key. */
  readonly flags: FlagTable;
  /** Default: {@link CONFIG_SECTIONS}. */
  readonly sections?: readonly ConfigSection[];
  /** Other programs' names of flags. */
  readonly synonyms?: Readonly<Record<string, readonly string[]>>;
}

/** The flag that names the file itself, which a file can't. */
const OWN_FLAG = "config";

/**
 * Reads a configuration file's text and checks all that it says.
 *
 * @param path how messages name it
 * @throws {ConfigError} every mistake by its line
 */
export function parseConfig(path: string, source: string, form: ConfigForm): ConfigFile {
  const syntax = syntaxProblems(source);
  if (syntax.length > 0) throw new ConfigError(path, syntax);
  const reader = new ConfigReader(source, form);
  reader.read(parse(source));
  if (reader.problems.length > 0) throw new ConfigError(path, reader.problems);
  return { path, texts: reader.texts, extra: reader.extra };
}

class ConfigReader {
  readonly problems: ConfigProblem[] = [];
  readonly texts = new Map<string, FileText>();
  readonly extra: Record<string, unknown> = {};
  readonly #flags: ReadonlyMap<string, Flag<unknown>>;
  readonly #sections: readonly ConfigSection[];
  readonly #synonyms: Readonly<Record<string, readonly string[]>>;
  readonly #statements: readonly Statement[];

  constructor(source: string, { flags, sections = CONFIG_SECTIONS, synonyms = {} }: ConfigForm) {
    this.#flags = new Map(
      Object.values(flags)
        .filter(({ commandLineOnly, name }) => !commandLineOnly && name !== OWN_FLAG)
        .map((flag) => [flag.name, flag]),
    );
    this.#sections = sections;
    this.#synonyms = synonyms;
    this.#statements = statementsOf(source);
  }

  read(table: object): void {
    for (const [key, value] of Object.entries(table)) {
      const flag = this.#flags.get(key);
      if (flag === undefined) this.#readTable([key], value);
      else if (flag.textOfTable !== undefined && isTable(value)) this.#readEntries(flag, value);
      else this.#readValue(flag, value);
    }
  }

  #readValue(flag: Flag<unknown>, value: unknown): void {
    const at = this.#statementOf([flag.name]);
    const text = textOf(flag, value);
    if (text !== undefined && isAccepted(() => flag.parse(text), BadValue)) {
      this.texts.set(flag.name, { text, line: at.line });
      return;
    }
    const shown = flag.isSecret?.(String(value)) ? "is not what it takes" : faultOf(flag, value);
    this.#report(at, `${flag.name} ${shown}; accepted: ${flag.accepts}`, at.valueColumn);
  }

  /** A table in which each entry is one of the flag's values. */
  #readEntries(flag: Flag<unknown>, table: object): void {
    const texts: string[] = [];
    for (const [key, value] of Object.entries(table)) {
      const text = flag.textOfTable?.(key, value);
      if (text !== undefined && isAccepted(() => flag.parse(text), BadValue)) {
        texts.push(text);
        continue;
      }
      const shown = JSON.stringify(typeof value === "bigint" ? String(value) : value);
      this.#report(
        this.#statementOf([flag.name, key]),
        `${flag.name} has ${JSON.stringify(key)} = ${shown}; accepted: ${flag.accepts}`,
      );
    }
    const { line } = this.#statementOf([flag.name]);
    if (texts.length > 0) this.texts.set(flag.name, { text: texts.join("\n"), line });
  }

  /** A table that is a section, or in which sections are. */
  #readTable(path: readonly string[], value: unknown): void {
    const name = path.join(".");
    const section = this.#sections.find((each) => each.name === name);
    if (section !== undefined) return this.#readSection(section, path, value);
    const isAbove = this.#sections.some((each) => each.name.startsWith(`${name}.`));
    if (!isAbove || !isTable(value)) return this.#reportUnknown(path, value);
    for (const [key, inner] of Object.entries(value)) this.#readTable([...path, key], inner);
  }

  #readSection(section: ConfigSection, path: readonly string[], value: unknown): void {
    const headers = this.#statements.filter((statement) =>
      statement.isHeader && isSamePath(statement.path, path)
    );
    this.extra[section.name] = value;
    const parts: readonly unknown[] = Array.isArray(value) ? value.map((part) => [part]) : [value];
    for (const [index, part] of parts.entries()) {
      try {
        section.check(part);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        const message = error.message.replaceAll(`${section.name}[0]`, `${section.name}[${index}]`);
        this.#report(headers[index] ?? this.#statementOf(path), message);
      }
    }
  }

  #reportUnknown(path: readonly string[], value: unknown): void {
    const at = this.#statementOf(path);
    const name = path.join(".");
    const sections = this.#sections.map((section) => section.name);
    if (name === OWN_FLAG) {
      return this.#report(at, "config names the file itself: give it by --config or the variable");
    }
    const meant = this.#suggestion(name, sections);
    const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
    if (!isTable(value) && !isTableList(value)) {
      const unknown = `${JSON.stringify(name)} is no setting`;
      return this.#report(
        at,
        hint === "" ? `${unknown}: keys are flags without dashes` : unknown + hint,
      );
    }
    const known = sections.length === 0 ? "there are none" : `known: ${sections.join(", ")}`;
    this.#report(
      at,
      `${JSON.stringify(name)} is no table${
        hint === "" ? `: settings stand at the top of the file, outside tables; ${known}` : hint
      }`,
    );
  }

  #suggestion(name: string, sections: readonly string[]): string | undefined {
    const candidates = [...this.#flags.keys(), ...sections];
    const last = name.slice(name.lastIndexOf(".") + 1);
    for (const word of [name, asFlagName(name), asFlagName(last)]) {
      const meant = candidates.includes(word) ? word : suggest(word, candidates, this.#synonyms);
      if (meant !== undefined) return meant;
    }
    return undefined;
  }

  /** The first statement about what is at this path. */
  #statementOf(path: readonly string[]): Statement {
    return this.#statements.find((statement) =>
      isSamePath(statement.path.slice(0, path.length), path)
    ) ??
      { path, isHeader: false, line: 1, keyColumn: 1, valueColumn: 1 };
  }

  #report(at: Statement, message: string, column = at.keyColumn): void {
    this.problems.push({ line: at.line, column, message });
  }
}

/** `--max_append_bytes` and `maxAppendBytes` as `max-append-bytes`. */
function asFlagName(key: string): string {
  return key.replaceAll(/([a-z])([A-Z])/g, "$1-$2").toLowerCase().replaceAll("_", "-")
    .replace(/^-+/, "");
}

/** A value as it would be given to the flag; `undefined` where it is nothing that a flag can be given. */
function textOf(flag: Flag<unknown>, value: unknown): string | undefined {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
    case "bigint":
    case "boolean":
      return String(value);
  }
  if (!Array.isArray(value) || !flag.repeatable || value.length === 0) return undefined;
  const texts = value.map((part: unknown) => textOf({ ...flag, repeatable: false }, part));
  return texts.includes(undefined) ? undefined : texts.join("\n");
}

/** What is wrong with a value: of a list, its first part that isn't taken by itself. */
function faultOf(flag: Flag<unknown>, value: unknown): string {
  const parts: readonly unknown[] = Array.isArray(value) && flag.repeatable === true ? value : [];
  const isFaulty = (part: unknown) => {
    const text = textOf({ ...flag, repeatable: false }, part);
    return text === undefined || !isAccepted(() => flag.parse(text), BadValue);
  };
  const index = parts.findIndex(isFaulty);
  return index < 0 ? `is ${shownValue(value)}` : `has ${shownValue(parts[index])}`;
}

function shownValue(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (value instanceof Date) return "a date";
  if (typeof value === "object") return "a table";
  return typeof value === "string" ? JSON.stringify(withoutPassword(value)) : String(value);
}

function isTable(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Date);
}

function isTableList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isTable);
}

function isSamePath(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((part, index) => part === b[index]);
}
