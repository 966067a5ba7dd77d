import { AccessError } from "../../access/access_error.ts";
import { GRANT_FORM } from "../../access/grant.ts";
import { parseGrantTemplate } from "../../access/grant_template.ts";
import { updatePrivateFile } from "../../access/private_file.ts";
import { createSecretToken, createTokenId, hashToken } from "../../access/tokens/token.ts";
import {
  decodeTokenFile,
  encodeTokenFile,
  isSubject,
  SUBJECT_FORM,
  type TokenRecord,
} from "../../access/tokens/token_file.ts";
import { readSmallFile } from "../../access/watched_file.ts";
import { FileSystemError } from "../../env/file_system.ts";
import { nodeFileSystem } from "../../env/node_file_system.ts";
import { encodeUtf8 } from "../../protocol/bytes.ts";
import { accessFlags } from "../flags/access_flags.ts";
import { jsonOutputFlag } from "../flags/common_flags.ts";
import { durationFlag, type Flag, isAccepted, optionalFlag, textFlag } from "../flags/flag.ts";
import type { FlagValues } from "../flags/flag_values.ts";
import { UsageError } from "../flags/usage_error.ts";
import type { Argument, CliCommand, Invocation } from "../context/cli_command.ts";
import { BrokenPipe, type CommandContext } from "../context/command_context.ts";
import { EXIT } from "../context/exit_code.ts";
import { printLines } from "../context/print_lines.ts";
import { PROGRAM } from "../context/program_name.ts";

const DAY_MS = 24 * 3_600_000;

const createFlags = {
  subject: optionalFlag(textFlag({
    name: "subject",
    placeholder: "text",
    default: "",
    help: "create: who has the token, as logs and limits name them.",
    accepts: SUBJECT_FORM,
    check: isSubject,
    commandLineOnly: true,
  })),
  grants: {
    ...optionalFlag(textFlag({
      name: "grant",
      placeholder: "grant",
      default: "",
      help:
        "create: what it may do, such as 'read,append chats/*'; {sub} is the subject. May be given again.",
      accepts: GRANT_FORM,
      check: (text) => text.split("\n").every((line) => isAccepted(() => parseGrantTemplate(line))),
      commandLineOnly: true,
    })),
    repeatable: true,
  },
  expiresMs: optionalFlag(durationFlag({
    name: "expires",
    min: 1_000,
    max: 36_500 * DAY_MS,
    default: 1_000,
    help: "create: how long it lasts; for ever unless given.",
    commandLineOnly: true,
  })),
} satisfies Record<string, Flag<unknown>>;

const flags = { tokens: accessFlags.tokens, ...createFlags, json: jsonOutputFlag };

/** What a call works on. */
interface TokenTask {
  readonly path: string;
  readonly id: string | undefined;
  readonly values: FlagValues;
  readonly context: CommandContext;
}

interface Action {
  readonly needsId: boolean;
  run(task: TokenTask): Promise<void>;
}

const ACTIONS: Readonly<Record<string, Action>> = {
  create: { needsId: false, run: create },
  list: { needsId: false, run: list },
  revoke: { needsId: true, run: revoke },
};
const NAMES = Object.keys(ACTIONS);
const ARGS: readonly Argument[] = [
  { name: "ACTION", help: NAMES.join(", "), choices: NAMES },
  { name: "ID", help: "with revoke: the token's id", optional: true },
];

/** `durable-streams token ACTION`: the tokens of a file, which a server reads. */
export const tokenCommand: CliCommand = {
  name: "token",
  summary: "Create, list and revoke the tokens that a server takes.",
  details: `
create      prints a new token, once: the file has only its hash
list        prints the tokens' ids, subjects, grants and ends, but no token
revoke ID   ends a token: servers that read the file refuse it within a second
--tokens names the file, which create makes where there is none.`,
  examples: [
    [
      "durable-streams token create --tokens tokens.jsonl --subject ann --grant 'read,append chats/*' --expires 30d",
      "for a month",
    ],
    ["durable-streams token list --tokens tokens.jsonl", "what there is"],
    ["durable-streams token revoke --tokens tokens.jsonl k3VfSl1p", "one of them ends"],
  ],
  args: ARGS,
  flags,
  run,
};

async function run(values: FlagValues, { args, context }: Invocation): Promise<number> {
  const [name = "", id] = args;
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (action === undefined) {
    throw new UsageError(`token can't ${JSON.stringify(name)}; accepted: ${NAMES.join(", ")}`);
  }
  const path = checkUsage(name, action, id, values);
  try {
    await action.run({ path, id, values, context });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof BrokenPipe) return EXIT.ok;
    if (!(error instanceof AccessError)) throw error;
    context.printError(`${PROGRAM}: ${error.message}`);
    return EXIT.failure;
  }
}

/** @throws {UsageError} */
function checkUsage(
  name: string,
  { needsId }: Action,
  id: string | undefined,
  values: FlagValues,
): string {
  const usage = `${PROGRAM} token ${name}${needsId ? " ID" : ""} --tokens FILE`;
  const path = values.get(flags.tokens);
  if (path === undefined) throw new UsageError(`token ${name} needs --tokens: ${usage}`);
  if (needsId && !id) throw new UsageError(`token ${name} needs ID: ${usage}`);
  if (!needsId && id !== undefined) {
    throw new UsageError(`token ${name} takes no ${JSON.stringify(id)}: ${usage}`);
  }
  const given = Object.values<Flag<unknown>>(createFlags)
    .find((flag) => values.get(flag) !== undefined);
  if (name !== "create" && given !== undefined) {
    throw new UsageError(`--${given.name} is for token create, not ${name}`);
  }
  return path;
}

async function create({ path, values, context }: TokenTask): Promise<void> {
  const subject = values.get(createFlags.subject);
  const grants = values.get(createFlags.grants)?.split("\n");
  const expiresMs = values.get(createFlags.expiresMs);
  if (subject === undefined || grants === undefined) {
    throw new UsageError("token create needs --subject and --grant");
  }
  const token = createSecretToken();
  const nowMs = context.clock.nowMs();
  const record: TokenRecord = {
    id: createTokenId(),
    sha256: hashToken(token).toString("hex"),
    subject,
    grants,
    createdAtMs: nowMs,
    ...(expiresMs === undefined ? {} : { expiresAtMs: nowMs + expiresMs }),
  };
  await updatePrivateFile(
    nodeFileSystem,
    path,
    () => {
      const tokens = [...(fileExists(path) ? readTokens(path) : []), record];
      // A file that is full leaves room to revoke each of its tokens.
      encodeTokenFile(tokens.map((each) => ({ revokedAtMs: nowMs, ...each })));
      return encodeTokenFile(tokens);
    },
  );
  const text = values.get(flags.json)
    ? JSON.stringify({ ...shownOf(record, nowMs), token })
    : token;
  await context.write(encodeUtf8(`${text}\n`));
}

async function list({ path, values, context }: TokenTask): Promise<void> {
  const isJson = values.get(flags.json);
  const nowMs = context.clock.nowMs();
  await printLines(
    readTokens(path),
    Infinity,
    (record) => {
      const { id, subject, state, grants } = shownOf(record, nowMs);
      return isJson
        ? JSON.stringify(shownOf(record, nowMs))
        : [id, subject, state, grants.join("; ")].join("  ");
    },
    context,
  );
}

async function revoke({ path, id, context }: TokenTask): Promise<void> {
  await updatePrivateFile(nodeFileSystem, path, () => {
    const tokens = readTokens(path);
    const token = tokens.find((each) => each.id === id);
    if (token === undefined) {
      throw new AccessError(`The token file ${path} has no token ${JSON.stringify(id)}.`);
    }
    if (token.revokedAtMs !== undefined) return undefined;
    const revoked = { ...token, revokedAtMs: context.clock.nowMs() };
    return encodeTokenFile(tokens.map((each) => each === token ? revoked : each));
  });
}

function shownOf(record: TokenRecord, nowMs: number) {
  const { id, subject, grants, createdAtMs, expiresAtMs, revokedAtMs } = record;
  return {
    id,
    subject,
    grants,
    createdAt: timeText(createdAtMs),
    expiresAt: timeText(expiresAtMs),
    revokedAt: timeText(revokedAtMs),
    state: stateOf(record, nowMs),
  };
}

function stateOf({ expiresAtMs, revokedAtMs }: TokenRecord, nowMs: number): string {
  if (revokedAtMs !== undefined) return `revoked ${timeText(revokedAtMs)}`;
  if (expiresAtMs === undefined) return "never expires";
  return `${expiresAtMs <= nowMs ? "expired" : "expires"} ${timeText(expiresAtMs)}`;
}

function timeText(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

function readTokens(path: string): TokenRecord[] {
  return decodeTokenFile(readSmallFile(nodeFileSystem, path, "token file"), path);
}

function fileExists(path: string): boolean {
  try {
    nodeFileSystem.open(path, "read").close();
    return true;
  } catch (error) {
    if (error instanceof FileSystemError && error.kind === "not_found") return false;
    throw error;
  }
}
