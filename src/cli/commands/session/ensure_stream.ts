import { ClientError } from "../../../client/errors/client_error.ts";
import type { StreamInfo } from "../../../client/transport/stream_info.ts";
import { DEFAULT_CONTENT_TYPE, isJsonType } from "../../../protocol/content_type.ts";
import { CommandError } from "../../context/command_error.ts";
import { EXIT } from "../../context/exit_code.ts";
import { onlyName, type Session } from "./session.ts";

/** What is typed into a terminal or read from a file is UTF-8; a browser takes it for that only if told. */
const TEXT_TYPE = "text/plain; charset=utf-8";

/** The stream that is to be appended to. */
export interface StreamRequirements {
  /** Created with this type where it is missing. */
  readonly contentType: string | undefined;
  /** It has to be JSON. */
  readonly json: boolean;
  /** Created where it is missing. */
  readonly create: boolean;
}

/** A stream whose type is known. */
export type KnownStream = StreamInfo & { contentType: string };

/**
 * Finds the stream, or makes it.
 *
 * @throws {ClientError}
 * @throws {CommandError} where one is there that isn't JSON though it has to be
 */
export async function ensureStream(
  session: Session,
  wanted: StreamRequirements,
): Promise<KnownStream> {
  const info = await find(session) ?? await make(session, wanted);
  const contentType = info.contentType ?? wanted.contentType ?? DEFAULT_CONTENT_TYPE;
  if (wanted.json && !isJsonType(contentType)) {
    throw new CommandError(
      `${JSON.stringify(onlyName(session))} is ${contentType}, not JSON: leave out --json`,
      EXIT.conflict,
    );
  }
  // Where another type was asked for, the server says what is wrong with it.
  return { ...info, contentType: wanted.contentType ?? contentType };
}

async function find({ client, names }: Session): Promise<StreamInfo | undefined> {
  try {
    return await client.head(names[0] ?? "");
  } catch (error) {
    if (error instanceof ClientError && error.code === "not_found") return undefined;
    throw error;
  }
}

async function make(session: Session, wanted: StreamRequirements): Promise<StreamInfo> {
  const name = onlyName(session);
  // Without --no-create the answer to this names the stream, and how to get it.
  if (!wanted.create) return await session.client.head(name);
  const contentType = wanted.contentType ?? (wanted.json ? "application/json" : TEXT_TYPE);
  try {
    return await session.client.create(name, { contentType });
  } catch (error) {
    // Somebody made it in between.
    if (error instanceof ClientError && error.code === "conflict") {
      return await session.client.head(name);
    }
    throw error;
  }
}
