import { type Command, Option } from "commander";
import { BadValue, environmentName, type Flag, type FlagTable } from "./flag.ts";
import { UsageError } from "./usage_error.ts";
import { withoutPassword } from "./without_password.ts";

/** The program's environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The value of each of a command's flags: from the command line, the environment, a file or the default. */
export interface FlagValues {
  get<T>(flag: Flag<T>): T;
  /** What was given, and where; `undefined` for the default. */
  given(flag: Flag<unknown>): GivenText | undefined;
  /** The configuration's tables for what flags can't say, by name, checked: `access.rule`. */
  readonly extra: Readonly<Record<string, unknown>>;
}

/** A flag's value as it was given. */
export interface GivenText {
  readonly text: string;
  readonly by: "flag" | "variable" | "file";
  /** `--port`, `DURABLE_STREAMS_PORT`, or `streams.toml:3`. */
  readonly from: string;
}

/** A configuration file whose values have been checked. */
export interface ConfigFile {
  readonly path: string;
  /** By flags' names. */
  readonly texts: ReadonlyMap<string, FileText>;
  readonly extra: Readonly<Record<string, unknown>>;
}

/** A flag's value in a file. */
export interface FileText {
  readonly text: string;
  readonly line: number;
}

/** Adds a table's flags to a command, with their help. */
export function addFlags(command: Command, table: FlagTable): void {
  for (const flag of Object.values(table)) {
    if (flag.placeholder === undefined) {
      addSwitch(command, flag);
      continue;
    }
    const short = flag.short === undefined ? "" : `-${flag.short}, `;
    const option = new Option(`${short}--${flag.name} <${flag.placeholder}>`, describeFlag(flag));
    if (flag.repeatable) option.argParser(joinLines);
    command.addOption(option);
  }
}

function addSwitch(command: Command, flag: Flag<unknown>): void {
  const short = flag.short === undefined ? "" : `-${flag.short}, `;
  const on = new Option(`${short}--${flag.name}`, describeFlag(flag));
  const off = new Option(`--no-${flag.name}`, describeFlag(flag));
  const isOn = flag.default === true;
  command.addOption(on.hideHelp(isOn));
  command.addOption(off.hideHelp(!isOn));
  // By default, Commander turns a switch with a `--no-` form on.
  command.setOptionValueWithSource(attributeName(flag), undefined, "default");
}

function describeFlag(flag: Flag<unknown>): string {
  const notes: string[] = [];
  const isPlainSwitch = flag.placeholder === undefined && flag.commandLineOnly === true;
  if (flag.defaultText !== "" && !isPlainSwitch) notes.push(`default: ${flag.defaultText}`);
  if (!flag.commandLineOnly) notes.push(`env: ${environmentName(flag)}`);
  return notes.length === 0 ? flag.help : `${flag.help} (${notes.join(", ")})`;
}

function joinLines(text: string, before: string | undefined): string {
  return before === undefined ? text : `${before}\n${text}`;
}

/**
 * Reads and checks all of a table's flags.
 *
 * @param file has what neither the command line nor the environment gives
 * @throws {UsageError} with the flag or variable, its bad value, and what is accepted
 */
export function readFlags(
  command: Command,
  table: FlagTable,
  environment: Environment,
  file?: ConfigFile,
): FlagValues {
  const texts = new Map<string, GivenText>();
  for (const flag of Object.values(table)) {
    const given = givenText(command, flag, environment) ?? fileText(flag, file);
    if (given === undefined) continue;
    try {
      flag.parse(given.text);
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      throw new UsageError(describe(flag, given));
    }
    texts.set(flag.name, given);
  }
  return {
    get(flag) {
      const given = texts.get(flag.name);
      return given === undefined ? flag.default : flag.parse(given.text);
    },
    given: ({ name }) => texts.get(name),
    extra: file?.extra ?? {},
  };
}

function givenText(
  command: Command,
  flag: Flag<unknown>,
  environment: Environment,
): GivenText | undefined {
  const argument: unknown = command.getOptionValue(attributeName(flag));
  if (argument !== undefined) {
    return { text: String(argument), by: "flag", from: `--${flag.name}` };
  }
  if (flag.commandLineOnly) return undefined;
  const variable = environmentName(flag);
  const text = environment[variable];
  // Compose files and shells set a variable to nothing where they mean "not set".
  if (text === undefined || text === "") return undefined;
  return { text, by: "variable", from: variable };
}

function fileText({ name }: Flag<unknown>, file: ConfigFile | undefined): GivenText | undefined {
  const given = file?.texts.get(name);
  if (file === undefined || given === undefined) return undefined;
  return { text: given.text, by: "file", from: `${file.path}:${given.line}` };
}

function describe(flag: Flag<unknown>, { text, by, from }: GivenText): string {
  const where = by === "variable" ? `the environment variable ${from}` : from;
  const shown = flag.isSecret?.(text) ? "something else" : JSON.stringify(withoutPassword(text));
  const message = `${where} is ${shown}; accepted: ${flag.accepts}`;
  if (by === "variable" && text.startsWith("tcp://")) {
    return `${message}. Kubernetes sets this variable for a service named durable-streams: set ` +
      "enableServiceLinks: false in the pod, or give the flag";
  }
  return message;
}

function attributeName(flag: Flag<unknown>): string {
  return new Option(`--${flag.name}`).attributeName();
}
