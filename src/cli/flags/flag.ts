import {
  DURATION_FORM,
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
  UnitError,
} from "./units.ts";

/** One setting of the program: a flag on the command line and a variable in the environment. */
export interface Flag<T> {
  /** Without the dashes: `sse-close-after`. */
  readonly name: string;
  /** The name of the value in the help; a flag without one is a switch. */
  readonly placeholder: string | undefined;
  /** The values it accepts, as the end of "accepted: …". */
  readonly accepts: string;
  readonly help: string;
  readonly default: T;
  /** The default as text; empty if leaving the flag out has a meaning of its own. */
  readonly defaultText: string;
  /** The one-letter form: `f` for `-f`. */
  readonly short?: string;
  /** The values it accepts, if they are a choice. */
  readonly choices?: readonly string[];
  /** It may be given several times; the text that is parsed has each on a line of its own. */
  readonly repeatable?: boolean;
  /**
   * The text for one entry of a table of the configuration that has the flag's name; `undefined` where that
   * can't be meant. Only of a flag that is repeatable.
   */
  readonly textOfTable?: (key: string, value: unknown) => string | undefined;
  /** Whether a text may hold a secret, so that nothing shows it. */
  readonly isSecret?: (text: string) => boolean;
  /** It has no environment variable, and is no key of the configuration. */
  readonly commandLineOnly?: boolean;
  /** Throws a {@link BadValue} unless the text is accepted. */
  parse(text: string): T;
}

/** The flag doesn't accept the value; its `accepts` says what it does accept. */
export class BadValue extends Error {
  override readonly name = "BadValue";
}

/** The flags of one command. */
export type FlagTable = Readonly<Record<string, Flag<unknown>>>;

/** The environment variable of a flag: `DURABLE_STREAMS_SSE_CLOSE_AFTER`. */
export function environmentName(flag: Flag<unknown>): string {
  return `DURABLE_STREAMS_${flag.name.replaceAll("-", "_").toUpperCase()}`;
}

interface Common<T> {
  name: string;
  default: T;
  help: string;
  short?: string;
  commandLineOnly?: boolean;
}

interface Range {
  min: number;
  max: number;
}

/** A flag whose value is any text that `check` accepts. */
export function textFlag(
  spec: Common<string> & {
    placeholder: string;
    accepts: string;
    check: (text: string) => boolean;
  },
): Flag<string> {
  return {
    ...spec,
    defaultText: spec.default,
    parse(text) {
      if (!spec.check(text)) throw new BadValue();
      return text;
    },
  };
}

/** A flag whose value is one of a few. */
export function choiceFlag<const T extends string>(
  spec: Common<NoInfer<T>> & { values: readonly T[] },
): Flag<T> {
  return {
    ...spec,
    placeholder: spec.values.join("|"),
    choices: spec.values,
    accepts: spec.values.join(", "),
    defaultText: spec.default,
    parse(text) {
      const value = spec.values.find((candidate) => candidate === text);
      if (value === undefined) throw new BadValue();
      return value;
    },
  };
}

/** A flag whose value is a whole number. */
export function integerFlag(spec: Common<number> & Range): Flag<number> {
  return {
    ...spec,
    placeholder: "number",
    accepts: `a whole number from ${spec.min} to ${spec.max}`,
    defaultText: String(spec.default),
    parse: (text) => within(/^\d+$/.test(text) ? Number(text) : NaN, spec),
  };
}

/** A flag whose value is a duration; parsed, milliseconds. */
export function durationFlag(spec: Common<number> & Range): Flag<number> {
  return {
    ...spec,
    placeholder: "duration",
    accepts: `${formatDuration(spec.min)} to ${formatDuration(spec.max)}, as ${DURATION_FORM}`,
    defaultText: formatDuration(spec.default),
    parse: (text) => within(unitValue(parseDuration, text), spec),
  };
}

/** A flag whose value is a number of bytes. */
export function sizeFlag(spec: Common<number> & Range): Flag<number> {
  return {
    ...spec,
    placeholder: "size",
    accepts:
      `${formatSize(spec.min)} to ${formatSize(spec.max)}, as bytes or with KiB, MiB or GiB ` +
      "(512, 64KiB, 1MiB)",
    defaultText: formatSize(spec.default),
    parse: (text) => within(unitValue(parseSize, text), spec),
  };
}

/** A flag that is on or off: `--name` or `--no-name`, `true` or `false` in the environment. */
export function switchFlag(spec: Omit<Common<boolean>, "default">): Flag<boolean> {
  return {
    ...spec,
    default: false,
    placeholder: undefined,
    accepts: "true, 1, false, 0",
    defaultText: "off",
    parse(text) {
      if (text === "true" || text === "1") return true;
      if (text === "false" || text === "0") return false;
      throw new BadValue();
    },
  };
}

/** A switch that is on unless `--no-name` turns it off. */
export function onSwitchFlag(spec: Omit<Common<boolean>, "default">): Flag<boolean> {
  return { ...switchFlag(spec), default: true, defaultText: "on" };
}

/** The same flag without a default. */
export function optionalFlag<T>(flag: Flag<T>): Flag<T | undefined> {
  return { ...flag, default: undefined, defaultText: "" };
}

/** A switch whose default depends on other flags: it is `undefined` unless given. */
export function dependentSwitchFlag(
  spec: Omit<Common<boolean>, "default"> & { defaultText: string },
): Flag<boolean | undefined> {
  return { ...optionalFlag(switchFlag(spec)), defaultText: spec.defaultText };
}

/** A flag for a whole number whose default depends on other things: it is `undefined` unless given. */
export function dependentIntegerFlag(
  spec: Omit<Common<number>, "default"> & Range & { defaultText: string },
): Flag<number | undefined> {
  return {
    ...optionalFlag(integerFlag({ ...spec, default: spec.min })),
    defaultText: spec.defaultText,
  };
}

/** A flag for a text whose default depends on other things: it is `undefined` unless given. */
export function dependentTextFlag(
  spec: Omit<Parameters<typeof textFlag>[0], "default"> & { defaultText: string },
): Flag<string | undefined> {
  return { ...optionalFlag(textFlag({ ...spec, default: "" })), defaultText: spec.defaultText };
}

/** A flag for the path of a file: it is `undefined` unless given. */
export function fileFlag(
  spec: Omit<Common<string>, "default"> & { placeholder?: string; defaultText: string },
): Flag<string | undefined> {
  return dependentTextFlag({ placeholder: "file", ...spec, accepts: "a path", check: isPath });
}

/** Whether a text may be the path of a file or a directory. */
export function isPath(text: string): boolean {
  return text !== "" && !text.includes("\0");
}

/** For a flag's `check`: whether something can be made of its text, and isn't refused by such an error. */
export function isAccepted(
  make: () => unknown,
  refusal: abstract new (...args: never[]) => Error = RangeError,
): boolean {
  try {
    make();
    return true;
  } catch (error) {
    if (error instanceof refusal) return false;
    throw error;
  }
}

function within(value: number, { min, max }: Range): number {
  if (value >= min && value <= max) return value;
  throw new BadValue();
}

function unitValue(parse: (text: string) => number, text: string): number {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof UnitError) return NaN;
    throw error;
  }
}
