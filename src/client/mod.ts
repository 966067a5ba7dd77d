/**
 * The client for any server of the Durable Streams protocol: for Deno, Bun, Node 20 and browsers.
 *
 * @module
 */
export {
  type ChangedStream,
  type ChangeOptions,
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
} from "./errors/client_error.ts";
export type { CallOptions, WaitOptions } from "./transport/call_options.ts";
export type { Data } from "./producer/body.ts";
export type { AppendAnswer } from "./transport/append_request.ts";
export type { StreamInfo } from "./transport/stream_info.ts";
export type { Compaction } from "./transport/compaction.ts";
export type { Retention } from "./transport/retention.ts";
export type { Missed } from "./reader/missed.ts";
export type { ListedStream, ListOptions } from "./transport/list.ts";
export { Message } from "./reader/message.ts";
export type { Reader } from "./reader/reader.ts";
export type { LiveMessage, LiveOptions, LiveReader } from "./reader/live_reader.ts";
export type { LiveStart } from "./reader/live_connection.ts";
export type { ReaderOptions, StreamData } from "./reader/options.ts";
export type { Snapshot } from "./reader/snapshot.ts";
export type { SnapshotOptions, Snapshots } from "./snapshots.ts";
export type { ReadMode } from "./reader/read_mode.ts";
export type { SendOptions, Writer, WriterOptions } from "./producer/writer.ts";
export type { Producer } from "./producer/producer.ts";
export type { ProducerGauges } from "./producer/gauges.ts";
export type { ProducerOptions } from "./producer/options.ts";
export type { Receipt, Stored } from "./producer/batch.ts";
export type { StandardSchema } from "./reader/standard_schema.ts";
export {
  fetchTransport,
  type FetchTransportOptions,
  type Middleware,
  type Transport,
  type TransportRequest,
  type TransportResponse,
} from "./transport/transport.ts";
export { type RetryOptions, withRetry } from "./transport/retry.ts";
export type { BackoffOptions } from "../env/backoff.ts";
export { type Attempt, type AttemptHook, withAttemptHook } from "./transport/attempt_hook.ts";
export {
  type HeadersOption,
  type HeaderValue,
  type QueryOption,
  type RequestAdditions,
  withHeaders,
} from "./transport/headers_option.ts";
export { type TokenOption, type TokenOptions, withToken } from "./transport/token.ts";
export { readLink } from "./read_link.ts";
export type { WritableOptions } from "./producer/writable.ts";
export { NOW, parsePlace, type Place, START } from "./transport/place.ts";
export type { Subscription } from "./subscriptions/subscription.ts";
export type {
  AckOptions,
  Claim,
  CreatedSubscription,
  HeldWake,
  ListedSubscription,
  StreamAck,
  SubscriptionInfo,
  SubscriptionOptions,
} from "./subscriptions/options.ts";
export type { LinkedStream, WakeStream } from "./subscriptions/wake_stream.ts";
export type { Work, Worker, WorkerOptions } from "./subscriptions/worker.ts";
export {
  type ReceivedWebhook,
  verifyWebhook,
  type VerifyWebhookOptions,
  type WebhookWake,
} from "./subscriptions/webhook.ts";
export type { Jwk, JwkSet } from "./subscriptions/jwk_set.ts";
