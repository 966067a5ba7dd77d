import type { Client } from "../client/client.ts";
import { ClientError } from "../client/errors/client_error.ts";
import { newestAnswer } from "./chat_log.ts";
import { SILENT_TEXT } from "./chat_error.ts";
import { answerPath, type ChatAddress } from "./chat_names.ts";
import { endAnswer, endUnchangedAnswer } from "./end_answer.ts";
import type { UiMessageChunk } from "./ui_chunk.ts";

/** Which answer ends, and why. */
export interface StopChatOptions extends ChatAddress {
  readonly client: Client;
  /** The answer; the chat's newest one unless given. It may not be there yet. */
  readonly answer?: string | undefined;
  /**
   * The tail at which a reader has waited for longer than the writer's lease: only an answer whose tail
   * is still there ends, and with an error.
   */
  readonly silentAt?: string | undefined;
}

const STOPPED: UiMessageChunk = { type: "abort", reason: "stopped" };

/**
 * Stops an answer wherever its model runs: its stream ends with `abort`, in one request, and its writer
 * aborts the signal of its source. An answer that isn't there yet is stopped before its model is asked.
 * The answer as far as it came stays.
 *
 * @returns whether this ended it; false where there was nothing to end
 * @throws {ClientError} where the server couldn't be asked
 */
export async function stopChat(options: StopChatOptions): Promise<boolean> {
  const { client, silentAt } = options;
  const answer = options.answer ?? (await newestAnswer(client, options))?.answer;
  if (answer === undefined) return false;
  const path = answerPath(options, answer);
  try {
    if (silentAt === undefined) return await endAnswer(client, path, STOPPED);
    const error: UiMessageChunk = { type: "error", errorText: SILENT_TEXT };
    return await endUnchangedAnswer(client, path, error, silentAt);
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    if (error.code === "gone") return false;
    if (error.code !== "not_found") throw error;
    // Named by who stops it, so that it may be on its way.
    return options.answer !== undefined && silentAt === undefined &&
      await stopEarly(client, path);
  }
}

/** Makes the answer's stream, ended: its writer finds it there. */
async function stopEarly(client: Client, path: string): Promise<boolean> {
  try {
    const { created } = await client.create(path, {
      contentType: "application/json",
      initialData: JSON.stringify([STOPPED]),
      closed: true,
    });
    return created;
  } catch (error) {
    // It has come in between.
    if (error instanceof ClientError && error.code === "conflict") {
      return await endAnswer(client, path, STOPPED);
    }
    throw error;
  }
}
