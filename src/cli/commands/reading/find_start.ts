import { START } from "../../../client/transport/place.ts";
import { STREAM_START_OFFSET } from "../../../protocol/headers.ts";
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

/** An offset about so many bytes before the tail; the start if the server can't tell. */
export async function findBeforeTail(
  session: Session,
  name: string,
  bytes: number,
): Promise<string> {
  return await fetchStart(session, name, { tail: String(bytes) }) ?? START;
}

/** The offset at which a read begins; its body is dropped. */
async function fetchStart(
  session: Session,
  name: string,
  query: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const { headers, stream } = await session.connection.send({
    method: "GET",
    url: session.connection.urls.of(name, query),
    streaming: true,
    repeatable: true,
  });
  await stream?.cancel();
  return headers.get(STREAM_START_OFFSET) ?? undefined;
}
