import { ClientError } from "../../../client/errors/client_error.ts";
import type { ListedStream, ListOptions } from "../../../client/transport/list.ts";
import { CommandError } from "../../context/command_error.ts";
import { EXIT } from "../../context/exit_code.ts";
import type { Session } from "./session.ts";

const PAGE_STREAMS = 1_000;

/**
 * The server's streams, in the order of their names.
 *
 * @throws {ClientError}
 * @throws {CommandError} if the server doesn't list streams
 */
export async function* listed(
  { client, shownUrl }: Session,
  options: ListOptions,
): AsyncIterableIterator<ListedStream> {
  try {
    yield* client.list({ pageSize: PAGE_STREAMS, ...options });
  } catch (error) {
    // Here it is the listing itself that isn't found.
    if (!(error instanceof ClientError) || error.code !== "not_found") throw error;
    throw new CommandError(`${shownUrl} lists no streams: ${error.message}`, EXIT.failure);
  }
}

/**
 * The names that begin with a prefix; at least one.
 *
 * @throws {ClientError}
 * @throws {CommandError} if there is none, or the server doesn't list streams
 */
export async function* namesBelow(
  session: Session,
  prefix: string,
): AsyncIterableIterator<string> {
  let isEmpty = true;
  for await (const { name } of listed(session, { prefix })) {
    isEmpty = false;
    yield name;
  }
  if (!isEmpty) return;
  throw new CommandError(
    `no stream's name at ${session.shownUrl} begins with ${JSON.stringify(prefix)}`,
    EXIT.notFound,
  );
}
