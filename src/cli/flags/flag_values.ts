import { type Command, Option } from "commander";
import { BadValue, environmentName, type Flag, type FlagTable } from "./flag.ts";
import { UsageError } from "./usage_error.ts";

/** The program's environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The value of each of a command's flags: from the command line, the environment or the default. */
export interface FlagValues {
  get<T>(flag: Flag<T>): T;
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
 * @throws {UsageError} with the flag or variable, its bad value, and what is accepted
 */
export function readFlags(
  command: Command,
  table: FlagTable,
  environment: Environment,
): FlagValues {
  const texts = new Map<string, string>();
  for (const flag of Object.values(table)) {
    const given = givenText(command, flag, environment);
    if (given === undefined) continue;
    try {
      flag.parse(given.text);
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      throw new UsageError(describe(flag, given));
    }
    texts.set(flag.name, given.text);
  }
  return {
    get(flag) {
      const text = texts.get(flag.name);
      return text === undefined ? flag.default : flag.parse(text);
    },
  };
}

interface GivenText {
  text: string;
  from: string;
  fromEnvironment: boolean;
}

function givenText(
  command: Command,
  flag: Flag<unknown>,
  environment: Environment,
): GivenText | undefined {
  const argument: unknown = command.getOptionValue(attributeName(flag));
  if (argument !== undefined) {
    return { text: String(argument), from: `--${flag.name}`, fromEnvironment: false };
  }
  if (flag.commandLineOnly) return undefined;
  const variable = environmentName(flag);
  const text = environment[variable];
  // Compose files and shells set a variable to nothing where they mean "not set".
  if (text === undefined || text === "") return undefined;
  return { text, from: variable, fromEnvironment: true };
}

function describe(flag: Flag<unknown>, { text, from, fromEnvironment }: GivenText): string {
  const where = fromEnvironment ? `the environment variable ${from}` : from;
  const shown = flag.isSecret?.(text) ? "something else" : JSON.stringify(text);
  const message = `${where} is ${shown}; accepted: ${flag.accepts}`;
  if (fromEnvironment && text.startsWith("tcp://")) {
    return `${message}. Kubernetes sets this variable for a service named durable-streams: set ` +
      "enableServiceLinks: false in the pod, or give the flag";
  }
  return message;
}

function attributeName(flag: Flag<unknown>): string {
  return new Option(`--${flag.name}`).attributeName();
}
