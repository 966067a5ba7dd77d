import { ClientError } from "../../../client/errors/client_error.ts";
import type { StreamInfo } from "../../../client/transport/stream_info.ts";
import { DEFAULT_CONTENT_TYPE, isJsonType } from "../../../protocol/content_type.ts";
import { CommandError } from "../../context/command_error.ts";
import { EXIT } from "../../context/exit_code.ts";
import { onlyName, type Session } from "./session.ts";

/** Input from a terminal or a file is UTF-8; a browser reads it as that only with this charset. */
const TEXT_TYPE = "text/plain; charset=utf-8";

/** The stream that a command appends to. */
export interface StreamRequirements {
  /** The type it is created with if it is missing. */
  readonly contentType: string | undefined;
  /** It has to be JSON. */
  readonly json: boolean;
  /** Whether it is created if it is missing. */
  readonly create: boolean;
}

/** A stream whose type is known. */
export type KnownStream = StreamInfo & { contentType: string };

/**
 * Finds the stream, or creates it.
 *
 * @throws {ClientError}
 * @throws {CommandError} if the stream isn't JSON though it has to be
 */
export async function ensureStream(
  session: Session,
  required: StreamRequirements,
): Promise<KnownStream> {
  const info = await find(session) ?? await createStream(session, required);
  const contentType = info.contentType ?? required.contentType ?? DEFAULT_CONTENT_TYPE;
  if (required.json && !isJsonType(contentType)) {
    throw new CommandError(
      `${JSON.stringify(onlyName(session))} is ${contentType}, not JSON: leave out --json`,
      EXIT.conflict,
    );
  }
  // If another type is required, the server rejects the append and says why.
  return { ...info, contentType: required.contentType ?? contentType };
}

async function find({ client, names }: Session): Promise<StreamInfo | undefined> {
  try {
    return await client.head(names[0] ?? "");
  } catch (error) {
    if (error instanceof ClientError && error.code === "not_found") return undefined;
    throw error;
  }
}

async function createStream(session: Session, required: StreamRequirements): Promise<StreamInfo> {
  const name = onlyName(session);
  // With --no-create this fails with an error that names the stream.
  if (!required.create) return await session.client.head(name);
  const contentType = required.contentType ?? (required.json ? "application/json" : TEXT_TYPE);
  try {
    return await session.client.create(name, { contentType });
  } catch (error) {
    // Another client has created it in between.
    if (error instanceof ClientError && error.code === "conflict") {
      return await session.client.head(name);
    }
    throw error;
  }
}
