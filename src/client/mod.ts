/**
 * The client for any server of the Durable Streams protocol: for Deno, Bun, Node 20 and browsers.
 *
 * @module
 */
export {
  Client,
  type ClientOptions,
  type CreatedStream,
  type CreateOptions,
  type ForkPoint,
} from "./client.ts";
export {
  ClientError,
  type ClientErrorCode,
  type ClientErrorDetails,
  type Undelivered,
} from "./client_error.ts";
export type { CallOptions, WaitOptions } from "./call_options.ts";
export type { Data } from "./body.ts";
export type { AppendAnswer } from "./append_request.ts";
export type { StreamInfo } from "./stream_info.ts";
export type { ListedStream, ListOptions } from "./list.ts";
export { Message } from "./message.ts";
export type { Reader } from "./reader.ts";
export type { ReaderOptions, StreamData } from "./reader_options.ts";
export type { ReadMode } from "./read_mode.ts";
export type { SendOptions, Writer, WriterOptions } from "./writer.ts";
export type { Producer } from "./producer.ts";
export type { ProducerGauges } from "./producer_gauges.ts";
export type { ProducerOptions } from "./producer_options.ts";
export type { Receipt, Stored } from "./producer_batch.ts";
export type { StandardSchema } from "./standard_schema.ts";
export {
  fetchTransport,
  type FetchTransportOptions,
  type Middleware,
  type Transport,
  type TransportRequest,
  type TransportResponse,
} from "./transport.ts";
export { type RetryOptions, withRetry } from "./retry.ts";
export type { BackoffOptions } from "./backoff.ts";
export { type Attempt, type AttemptHook, withAttemptHook } from "./attempt_hook.ts";
export {
  type HeadersOption,
  type HeaderValue,
  type QueryOption,
  type RequestAdditions,
  withHeaders,
} from "./headers_option.ts";
export type { WritableOptions } from "./writable.ts";
export { NOW, parsePlace, type Place, START } from "./place.ts";
