import type { Flag } from "./flags/flag.ts";
import type { CliCommand } from "./context/cli_command.ts";

/** `tail -5` and `tail -20f`, the forms from before `-n`. */
const OLD_COUNT = /^-(\d+)(f?)$/;

/**
 * Rewrites the habits of other tools to the program's own command line: `version`, `-v`; `tail -5`,
 * `tail -20f`, `tail -F`.
 */
export function normalizeArgs(
  args: readonly string[],
  commands: readonly CliCommand[],
): readonly string[] {
  const [first, ...rest] = args;
  if (args.length === 1 && (first === "version" || first === "-v")) return ["--version"];
  const command = commands.find(({ name }) => name === first);
  if (first !== "tail" || command === undefined) return args;
  const takesValue = new Set(
    Object.values<Flag<unknown>>(command.flags)
      .filter(({ placeholder }) => placeholder !== undefined)
      .flatMap(({ name, short }) => [`--${name}`, ...(short === undefined ? [] : [`-${short}`])]),
  );
  const end = rest.indexOf("--");
  return [
    first,
    ...rest.flatMap((arg, index) => {
      const isFlag = (end < 0 || index < end) && !takesValue.has(rest[index - 1] ?? "");
      if (!isFlag) return [arg];
      if (arg === "-F") return ["-f"];
      const [, count, follow] = OLD_COUNT.exec(arg) ?? [];
      if (count === undefined) return [arg];
      return ["-n", count, ...(follow === "f" ? ["-f"] : [])];
    }),
  ];
}
