import { AccessError } from "../../access/access_error.ts";
import { LINK_LIMIT_MS, signLink } from "../../access/links/link.ts";
import { openLinkKeys, rotateLinkKeys } from "../../access/links/link_key_file.ts";
import { isVerb, type Verb, VERBS } from "../../access/verb.ts";
import { nodeFileSystem } from "../../env/node_file_system.ts";
import { encodeUtf8 } from "../../protocol/bytes.ts";
import { accessFlags } from "../flags/access_flags.ts";
import { connectionFlags } from "../flags/common_flags.ts";
import {
  BadValue,
  durationFlag,
  type Flag,
  optionalFlag,
  switchFlag,
  textFlag,
} from "../flags/flag.ts";
import type { FlagValues } from "../flags/flag_values.ts";
import { UsageError } from "../flags/usage_error.ts";
import type { CliCommand, Invocation } from "../context/cli_command.ts";
import { BrokenPipe } from "../context/command_context.ts";
import { EXIT } from "../context/exit_code.ts";
import { PROGRAM } from "../context/program_name.ts";

const VERBS_FORM = `one or several of ${VERBS.join(", ")}, by commas`;

const verbsFlag: Flag<readonly Verb[]> = {
  name: "verbs",
  placeholder: "verbs",
  help: "What its holder may do.",
  accepts: VERBS_FORM,
  default: ["read"],
  defaultText: "read",
  commandLineOnly: true,
  parse(text) {
    const words = text.split(",");
    const verbs = words.filter(isVerb);
    if (verbs.length !== words.length) throw new BadValue();
    return verbs;
  },
};

const flags = {
  linkKey: accessFlags.linkKey,
  url: connectionFlags.url,
  expiresMs: durationFlag({
    name: "expires",
    min: 1_000,
    max: LINK_LIMIT_MS,
    default: 3_600_000,
    help: "How long it lasts.",
    commandLineOnly: true,
  }),
  verbs: verbsFlag,
  pattern: optionalFlag(textFlag({
    name: "pattern",
    placeholder: "pattern",
    default: "",
    help: "The streams it is for, such as chats/*; PATH alone unless given.",
    accepts: "a pattern over the names of streams",
    check: (text) => text !== "",
    commandLineOnly: true,
  })),
  newKey: switchFlag({
    name: "new-key",
    help: "Sign with a new key from now on; links of the one before stay good until the next time.",
    commandLineOnly: true,
  }),
};

/** `durable-streams link PATH`: a link that lets its holder read a stream for a while. */
export const linkCommand: CliCommand = {
  name: "link",
  summary: "Print a link that lets whoever has it read a stream until it expires.",
  details: `
For EventSource and <a href>, which send no header. It is signed with the key in the file that
--link-key names, the one that the server is started with; the file is made where there is none.
PATH is a stream's name below --url, or its whole URL, which has to begin with that.`,
  examples: [
    [
      "durable-streams link chats/42 --link-key link-keys.json --expires 1h",
      "to read it for an hour",
    ],
  ],
  args: [{ name: "PATH", help: "the stream", isStream: true }],
  flags,
  run,
};

async function run(
  values: FlagValues,
  { args: [path = ""], context }: Invocation,
): Promise<number> {
  const file = values.get(flags.linkKey);
  if (file === undefined) {
    throw new UsageError(`link needs --link-key: ${PROGRAM} link PATH --link-key FILE`);
  }
  const { url, name } = target(path, values.get(flags.url));
  try {
    if (values.get(flags.newKey)) await rotateLinkKeys(nodeFileSystem, file);
    const [key] = await openLinkKeys(nodeFileSystem, file);
    if (key === undefined) return EXIT.failure;
    const link = signLink(url, {
      key,
      pattern: values.get(flags.pattern) ?? name,
      verbs: values.get(flags.verbs),
      expiresInMs: values.get(flags.expiresMs),
      nowMs: context.clock.nowMs(),
    });
    await context.write(encodeUtf8(`${link}\n`));
    return EXIT.ok;
  } catch (error) {
    if (error instanceof BrokenPipe) return EXIT.ok;
    if (error instanceof RangeError) throw new UsageError(error.message.replace(/\.$/, ""));
    if (!(error instanceof AccessError)) throw error;
    context.printError(`${PROGRAM}: ${error.message}`);
    return EXIT.failure;
  }
}

/** The stream's URL and name. */
function target(path: string, baseUrl: string): { url: string; name: string } {
  const base = baseUrl.replace(/\/+$/, "");
  if (!/^https?:\/\//.test(path)) {
    return { url: `${base}/${path.split("/").map(encodeURIComponent).join("/")}`, name: path };
  }
  const rest = path.startsWith(`${base}/`) ? path.slice(base.length + 1) : "";
  try {
    if (rest !== "" && !/[?#]/.test(rest)) return { url: path, name: decodeURIComponent(rest) };
  } catch {
    // Refused below, like a URL of another server.
  }
  throw new UsageError(
    `${
      JSON.stringify(path)
    } is no stream's URL below ${base}; accepted: one that begins with --url, encoded ` +
      "as UTF-8, without a query",
  );
}
