import { START } from "../../../client/transport/place.ts";
import { ClientError } from "../../../client/errors/client_error.ts";
import { STREAM_EARLIEST_OFFSET, STREAM_START_OFFSET } from "../../../protocol/headers.ts";
import { CommandError } from "../../context/command_error.ts";
import { EXIT } from "../../context/exit_code.ts";
import type { CommandContext } from "../../context/command_context.ts";
import type { Session } from "../session/session.ts";
import type { StartingPoint } from "../../flags/starting_point.ts";

/**
 * The offset at which to begin; for a time, the server is asked.
 *
 * @throws {ClientError}
 * @throws {CommandError} if the server can't look up times
 */
export async function findStart(
  point: StartingPoint,
  session: Session,
  name: string,
  context: CommandContext,
): Promise<string> {
  if (point.kind === "place") return point.offset;
  const atMs = point.kind === "time" ? point.atMs : context.clock.nowMs() - point.ms;
  const offset = await fetchStart(session, name, { time: new Date(atMs).toISOString() });
  if (offset !== undefined) return offset;
  throw new CommandError(
    `the server at ${session.shownUrl} can't look up times: give an offset, start or now to --from`,
    EXIT.failure,
  );
}

/** An offset about so many bytes before the tail, or where the stream begins; the start if the server can't tell. */
export async function findBeforeTail(
  session: Session,
  name: string,
  bytes: number,
): Promise<{ offset: string; isStart: boolean; contentType: string }> {
  const headers = await fetchHeaders(session, name, { tail: String(bytes) });
  const offset = headers.get(STREAM_START_OFFSET) ?? START;
  return {
    offset,
    // What is before that was trimmed.
    isStart: offset === headers.get(STREAM_EARLIEST_OFFSET),
    contentType: headers.get("content-type") ?? "",
  };
}

/** Where so many messages of a JSON stream begin before its tail; `undefined` if the server can't tell. */
export async function findLastMessages(
  session: Session,
  name: string,
  count: number,
): Promise<string | undefined> {
  try {
    return await fetchStart(session, name, { last: String(count) });
  } catch (error) {
    const cannot = error instanceof ClientError &&
      (error.code === "unsupported" || error.code === "bad_request");
    if (cannot) return undefined;
    throw error;
  }
}

/** The offset at which a read begins; its body is dropped. */
async function fetchStart(
  session: Session,
  name: string,
  query: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const headers = await fetchHeaders(session, name, query);
  return headers.get(STREAM_START_OFFSET) ?? undefined;
}

async function fetchHeaders(
  session: Session,
  name: string,
  query: Readonly<Record<string, string>>,
): Promise<Headers> {
  const { headers, stream } = await session.connection.send({
    method: "GET",
    url: session.connection.urls.of(name, query),
    streaming: true,
    repeatable: true,
  });
  await stream?.cancel();
  return headers;
}
