/**
 * Chats whose answers survive a reload, a lost connection and a killed process: for the AI SDK (`ai` 5
 * to 7), TanStack AI and neither of them, on Node, Deno, Bun and in browsers.
 *
 * @module
 */
export { type ChatAnswer, type ChatOutcome, pipeChat, type PipeChatOptions } from "./pipe_chat.ts";
export type { ChatRun, ChatSource } from "./chat_source.ts";
export { stopChat, type StopChatOptions } from "./stop_chat.ts";
export { ChatTransport, chatTransport, type ChatTransportOptions } from "./chat_transport.ts";
export { type ChatEntry, newestAnswer } from "./chat_log.ts";
export { ChatError, type ChatErrorCode } from "./chat_error.ts";
export { type ChatAddress, DEFAULT_PREFIX } from "./chat_names.ts";
export type { UiChunk, UiMessageChunk } from "./ui_chunk.ts";
export {
  type TanstackDurability,
  tanstackDurability,
  type TanstackDurabilityOptions,
} from "./tanstack.ts";
