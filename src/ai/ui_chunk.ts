/** Anything that a model's UI message stream may bring: of all of it only the type is looked at. */
export interface UiChunk {
  readonly type: string;
}

interface ToolChunk {
  toolCallId: string;
  providerExecuted?: boolean;
  dynamic?: boolean;
}

interface ToolInputChunk extends ToolChunk {
  toolName: string;
  title?: string;
}

/**
 * The chunks of the AI SDK's UI message stream, written out so that this library needs no package of
 * it. What a newer version adds is passed on as it is.
 */
export type UiMessageChunk =
  | { type: "start"; messageId?: string; messageMetadata?: unknown }
  | { type: "finish"; messageMetadata?: unknown }
  | { type: "abort"; reason?: string }
  | { type: "error"; errorText: string }
  | { type: "message-metadata"; messageMetadata: unknown }
  | { type: "start-step" }
  | { type: "finish-step" }
  | { type: "text-start" | "text-end" | "reasoning-start" | "reasoning-end"; id: string }
  | { type: "text-delta" | "reasoning-delta"; id: string; delta: string }
  | ({ type: "tool-input-start" } & ToolInputChunk)
  | { type: "tool-input-delta"; toolCallId: string; inputTextDelta: string }
  | ({ type: "tool-input-available"; input: unknown } & ToolInputChunk)
  | ({ type: "tool-input-error"; input: unknown; errorText: string } & ToolInputChunk)
  | ({ type: "tool-output-available"; output: unknown; preliminary?: boolean } & ToolChunk)
  | ({ type: "tool-output-error"; errorText: string } & ToolChunk)
  | { type: "tool-output-denied"; toolCallId: string }
  | { type: "source-url"; sourceId: string; url: string; title?: string }
  | { type: "file"; url: string; mediaType: string }
  | { type: `data-${string}`; id?: string; data: unknown; transient?: boolean };

/** The first chunk of an answer: who writes it, and after how long a silence nobody does any more. */
const HEADER = "data-ds-answer";
/** What a writer says while its model is silent, so that its lease doesn't end. */
const ALIVE = "data-ds-alive";

/** What an answer says of itself. */
export interface AnswerHeader {
  /** One attempt of one worker to begin it. */
  readonly run: string;
  /** A writer that has been silent for longer is taken for dead. */
  readonly leaseMs: number;
}

/** The first chunk of an answer; transient, so that the AI SDK keeps it in no message. */
export function headerChunk(data: AnswerHeader): UiMessageChunk {
  return { type: HEADER, data, transient: true };
}

/** A sign of life of an answer's writer. */
export const ALIVE_CHUNK: UiMessageChunk = { type: ALIVE, data: {}, transient: true };

/** What the chunk says of its answer, where it is a header. */
export function headerOf(chunk: UiChunk): AnswerHeader | undefined {
  if (chunk.type !== HEADER || !("data" in chunk)) return undefined;
  const { data } = chunk;
  if (typeof data !== "object" || data === null || !("run" in data) || !("leaseMs" in data)) {
    return undefined;
  }
  const { run, leaseMs } = data;
  return typeof run === "string" && typeof leaseMs === "number" ? { run, leaseMs } : undefined;
}

/** Whether the chunk is between writers and readers, and nothing of the answer. */
export function isInternal({ type }: UiChunk): boolean {
  return type === HEADER || type === ALIVE;
}

/** Whether nothing of an answer may follow this chunk. */
export function isLastChunk({ type }: UiChunk): boolean {
  return type === "finish" || type === "abort" || type === "error";
}
