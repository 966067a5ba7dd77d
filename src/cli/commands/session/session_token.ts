import { type TokenOption, withToken } from "../../../client/transport/token.ts";
import type { Middleware, Transport } from "../../../client/transport/transport.ts";
import { decodeUtf8 } from "../../../protocol/bytes.ts";
import { FileSystemError } from "../../../env/file_system.ts";
import { nodeFileSystem } from "../../../env/node_file_system.ts";
import type { CommandContext } from "../../context/command_context.ts";
import { environmentName } from "../../flags/flag.ts";
import type { FlagValues } from "../../flags/flag_values.ts";
import { type TokenFlags, tokenFlags } from "../../flags/token_flags.ts";
import { UsageError } from "../../flags/usage_error.ts";

/** A token file is looked at no sooner again, unless the server refuses what was in it. */
const LOOK_MS = 1_000;
/** More than any header takes. */
const FILE_LIMIT_BYTES = 64 * 1024;

/**
 * Sends the token that the flags name with each request. A flag on the command line wins over a variable.
 *
 * @throws {UsageError} where both flags are given, or the file has no token
 */
export function withSessionToken(
  values: FlagValues,
  context: CommandContext,
  flags: TokenFlags = tokenFlags,
): Middleware {
  const { clock, environment } = context;
  const given = (["token", "tokenFile"] as const).flatMap((key) => {
    const flag = flags[key];
    const text = values.get(flag);
    const isVariable = text === environment[environmentName(flag)];
    return text === undefined ? [] : [{ key, text, isVariable }];
  });
  const [first, second] = given;
  if (first === undefined) return (next) => next;
  if (second !== undefined && first.isVariable === second.isVariable) {
    const { token, tokenFile } = flags;
    throw new UsageError(
      `--${token.name} and --${tokenFile.name} both say who this is; accepted: one of them`,
    );
  }
  const { key, text } = second?.isVariable === false ? second : first;
  if (key === "token") return withToken(text, { clock });
  return withTokenFile(text, context);
}

function withTokenFile(path: string, { clock }: CommandContext): Middleware {
  let seen = readToken(path);
  let lookedMs = clock.nowMs();
  return (next) => {
    const sending = (token: TokenOption): Transport => withToken(token, { clock })(next);
    const fromFile = () => {
      seen = readToken(path);
      return seen;
    };
    let send = sending(fromFile);
    return (request) => {
      if (clock.nowMs() - lookedMs >= LOOK_MS) {
        lookedMs = clock.nowMs();
        if (changedToken(path, seen) !== undefined) send = sending(fromFile);
      }
      return send(request);
    };
  };
}

/** The file's token, if it isn't `seen`; while the file can't be read, that one stays. */
function changedToken(path: string, seen: string): string | undefined {
  try {
    const token = readToken(path);
    return token === seen ? undefined : token;
  } catch {
    return undefined;
  }
}

/** @throws {UsageError} */
function readToken(path: string): string {
  const shown = JSON.stringify(path);
  let text: string;
  try {
    const file = nodeFileSystem.open(path, "read");
    try {
      const bytes = new Uint8Array(Math.min(file.size(), FILE_LIMIT_BYTES));
      text = decodeUtf8(bytes.subarray(0, file.readSync(bytes, 0))).trim();
    } finally {
      file.close();
    }
  } catch (error) {
    if (!(error instanceof FileSystemError)) throw error;
    const why = error.kind === "not_found" ? "there is no such file" : error.message;
    throw new UsageError(`The token file ${shown} can't be read: ${why}`);
  }
  if (/^[!-~]+$/.test(text)) return text;
  const what = text === "" ? "is empty" : "holds more than a token, or something else";
  throw new UsageError(`The token file ${shown} ${what}; accepted: printable ASCII without spaces`);
}
