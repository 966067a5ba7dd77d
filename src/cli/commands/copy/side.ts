import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { withAdditions } from "../../../client/transport/headers_option.ts";
import { fetchTransport } from "../../../client/transport/transport.ts";
import { FileSystemError } from "../../../env/file_system.ts";
import { createApp } from "../../../server/app.ts";
import { DirectoryError } from "../../../storage/file/directory/damage.ts";
import { openFileStorage } from "../../../storage/file/open.ts";
import type { Storage } from "../../../storage/storage.ts";
import { CommandError } from "../../context/command_error.ts";
import type { CommandContext } from "../../context/command_context.ts";
import { EXIT } from "../../context/exit_code.ts";
import { connectionFlags } from "../../flags/common_flags.ts";
import type { FlagValues } from "../../flags/flag_values.ts";
import type { TokenFlags } from "../../flags/token_flags.ts";
import { UsageError } from "../../flags/usage_error.ts";
import { shownUrl } from "../session/location.ts";
import { withRetryNotices } from "../session/retry_notices.ts";
import {
  type Session,
  sessionAt,
  type SessionOptions,
  withTransferRetry,
} from "../session/session.ts";
import { withSessionToken } from "../session/session_token.ts";
import { withUnreachable } from "../session/unreachable.ts";

/** Where streams are copied from or to. */
export interface Side {
  /** A directory is served within this process, so that both kinds are read and written alike. */
  readonly session: Session;
  /** The server or the directory, for messages. */
  readonly shown: string;
  close(): Promise<void>;
}

/** How a side is opened. */
export interface SideOptions extends SessionOptions {
  readonly flag: "from" | "to";
  /** The flag's value: a URL or a directory. */
  readonly text: string;
  readonly tokens: TokenFlags;
  /** Without it a missing directory is an error. */
  readonly mayMake: boolean;
}

/** What its streams' URLs begin with where a directory is served: nothing of it leaves the process. */
const DIRECTORY_URL = "http://directory/v1/stream";
/** A message of a server that was told to take longer ones has to fit, too. */
const MAX_APPEND_BYTES = 1024 ** 3;

/** Whether `--from` or `--to` names a server, and not a directory. */
export function isServer(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

/**
 * Opens `--from` or `--to`.
 *
 * @throws {UsageError}
 * @throws {CommandError} where the directory can't be opened
 */
export async function openSide(
  options: SideOptions,
  values: FlagValues,
  context: CommandContext,
): Promise<Side> {
  return isServer(options.text)
    ? serverSide(options, values, context)
    : await directorySide(options, values, context);
}

function serverSide(options: SideOptions, values: FlagValues, context: CommandContext): Side {
  const { flag, text, tokens } = options;
  if (!URL.canParse(text) || new URL(text).search !== "") {
    throw new UsageError(
      `--${flag} is ${
        JSON.stringify(shownUrl(text))
      }; accepted: what the streams' URLs begin with, ` +
        "such as http://localhost:4437/v1/stream, or a directory",
    );
  }
  const shown = shownUrl(text);
  const plain = context.transport ?? fetchTransport({ clock: context.clock });
  const sending = withAdditions({ headers: values.get(connectionFlags.headers) })(
    withSessionToken(values, context, tokens)(withRetryNotices(context, shown)(plain)),
  );
  const transport = withUnreachable()(withTransferRetry(values, context, options)(sending));
  const place = { baseUrl: text, shownUrl: shown, names: [], transport };
  return {
    session: sessionAt(place, values, context, options),
    shown,
    close: () => Promise.resolve(),
  };
}

async function directorySide(
  options: SideOptions,
  values: FlagValues,
  context: CommandContext,
): Promise<Side> {
  const dir = resolve(options.text);
  const { clock } = context;
  const storage = await openDirectory(dir, options, context);
  const app = createApp({
    storage,
    clock,
    listing: true,
    compress: false,
    maxAppendBytes: MAX_APPEND_BYTES,
  });
  const transport = fetchTransport({
    clock,
    fetch: (url, init) => app.fetch(new Request(url, init)),
  });
  const place = { baseUrl: DIRECTORY_URL, shownUrl: pathToFileURL(dir).href, names: [], transport };
  return {
    session: sessionAt(place, values, context, options),
    shown: dir,
    close: () => storage.close(),
  };
}

async function openDirectory(
  dir: string,
  { flag, mayMake }: SideOptions,
  { clock }: CommandContext,
): Promise<Storage> {
  try {
    return await openFileStorage({ dir, mustExist: !mayMake, clock });
  } catch (error) {
    if (error instanceof FileSystemError) throw new CommandError(error.message, EXIT.failure);
    if (!(error instanceof DirectoryError)) throw error;
    if (error.code === "foreign") throw new UsageError(error.message);
    if (error.code === "empty") throw new CommandError(error.message, EXIT.notFound);
    if (error.code !== "in_use") throw new CommandError(error.message, EXIT.failure);
    throw new CommandError(
      `a server is running on ${dir}: give its URL, such as --${flag} ` +
        `http://localhost:4437/v1/stream, and streams are copied while it runs (${error.message})`,
      EXIT.unavailable,
    );
  }
}
