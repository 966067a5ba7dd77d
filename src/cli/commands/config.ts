import { stringify } from "smol-toml";
import { encodeUtf8 } from "../../protocol/bytes.ts";
import type { CliCommand, Invocation } from "../context/cli_command.ts";
import { BrokenPipe } from "../context/command_context.ts";
import { EXIT } from "../context/exit_code.ts";
import { plural } from "../context/plural.ts";
import type { Flag } from "../flags/flag.ts";
import type { FlagValues } from "../flags/flag_values.ts";
import { serveFlags } from "../flags/serve_flags.ts";
import { UsageError } from "../flags/usage_error.ts";
import { MASK, withoutPassword } from "../flags/without_password.ts";

const SECRET_KEY = /secret|password|token$|key$/i;
const NAMES = ["check", "show"];

/** Checks what no flag can check by itself. */
type CheckSettings = (values: FlagValues) => Promise<void>;

/**
 * `durable-streams config ACTION`: what the server's configuration says.
 *
 * @param checkSettings throws a {@link UsageError} where settings don't go together
 */
export function configCommand(checkSettings: CheckSettings): CliCommand {
  return {
    name: "config",
    summary: "Check the server's configuration, or show each setting and where it is from.",
    details: `
check  names every mistake of a file by its line, and exits 2 where there is one
show   prints the settings that serve would have with these flags, variables and file`,
    examples: [
      ["durable-streams config check streams.toml", "before a restart or SIGHUP"],
      ["durable-streams config show --config streams.toml", "with where each is from"],
    ],
    args: [
      { name: "ACTION", help: NAMES.join(" or "), choices: NAMES },
      { name: "FILE", help: "the file, as --config names it", optional: true },
    ],
    flags: serveFlags,
    configFile: ([, file]) => file,
    async run(values, { args: [action = "", file], context }) {
      if (!NAMES.includes(action)) {
        throw new UsageError(
          `config ${JSON.stringify(action)} is unknown; accepted: ${NAMES.join(", ")}`,
        );
      }
      await checkOrigins(checkSettings, values);
      const path = file ?? values.get(serveFlags.config);
      await print(context, action === "show" ? shown(values) : checked(values, path));
      return EXIT.ok;
    },
  };
}

/** Says, too, which lines of the file the settings that don't go together are from. */
async function checkOrigins(checkSettings: CheckSettings, values: FlagValues): Promise<void> {
  try {
    await checkSettings(values);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const origins = all().flatMap((flag) => {
      const given = values.given(flag);
      const isNamed = new RegExp(`--${flag.name}(?![\\w-])`).test(error.message);
      return isNamed && given !== undefined ? [`--${flag.name} is from ${given.from}`] : [];
    });
    throw new UsageError([error.message, ...origins].join("; "));
  }
}

function checked(values: FlagValues, path: string | undefined): string {
  if (path === undefined) {
    throw new UsageError(
      "config check needs FILE, or --config FILE: durable-streams config check FILE",
    );
  }
  const count = all().filter((flag) => values.given(flag)?.by === "file").length;
  const beaten = Object.keys(values.extra).length;
  const tables = beaten === 0 ? "" : ` and ${plural(beaten, "table")}`;
  return `${path} is right: ${plural(count, "setting")}${tables} in effect\n`;
}

/** As a configuration file that says the same. */
function shown(values: FlagValues): string {
  const lines = all().filter((flag) => flag !== serveFlags.config).map((flag) => {
    const given = values.given(flag);
    if (given !== undefined) {
      const text = flag.isSecret?.(given.text) ? MASK : withoutPassword(given.text);
      return [`${flag.name} = ${asToml(flag, text)}`, given.from] as const;
    }
    const isToml = flag.default !== undefined;
    const value = isToml ? asToml(flag, defaultOf(flag)) : flag.defaultText || "not set";
    return [`${isToml ? "" : "# "}${flag.name} = ${value}`, "default"] as const;
  });
  const width = Math.min(48, Math.max(...lines.map(([setting]) => setting.length)));
  const settings = lines.map(([setting, from]) => `${setting.padEnd(width)}  # ${from}\n`).join("");
  return settings + tables(values);
}

function tables({ extra }: FlagValues): string {
  return Object.entries(extra).map(([name, value]) => {
    const nested = name.split(".").reduceRight<unknown>(
      (inner, key) => ({ [key]: inner }),
      masked(value),
    );
    return `\n${stringify(nested)}\n`;
  }).join("");
}

function masked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value !== "object" || value === null || value instanceof Date) {
    return typeof value === "string" ? withoutPassword(value) : value;
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      SECRET_KEY.test(key) && typeof inner === "string" ? MASK : masked(inner),
    ]),
  );
}

/** The default's text, as the file takes it. */
function defaultOf(flag: Flag<unknown>): string {
  return typeof flag.default === "boolean" ? String(flag.default) : flag.defaultText;
}

function asToml(flag: Flag<unknown>, text: string): string {
  const isSwitch = flag.placeholder === undefined;
  if (isSwitch) return text === "true" || text === "1" ? "true" : "false";
  if (flag.placeholder === "number") return text;
  const texts = text.split("\n");
  return texts.length === 1 ? JSON.stringify(text) : JSON.stringify(texts);
}

function all(): readonly Flag<unknown>[] {
  return Object.values(serveFlags);
}

async function print(context: Invocation["context"], text: string): Promise<void> {
  try {
    await context.write(encodeUtf8(text));
  } catch (error) {
    if (!(error instanceof BrokenPipe)) throw error;
  }
}
