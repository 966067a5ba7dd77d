/**
 * What a program that embeds the server imports: the app, the HTTP server, and the storages to put under
 * them.
 *
 * @module
 */
export { createApp } from "./server/app.ts";
export {
  type AuthorityParts,
  openAuthority,
  type OpenedAuthority,
} from "./access/open_authority.ts";
export { AccessError } from "./access/access_error.ts";
export type { AccessSettings, JwtSettings } from "./access/access_settings.ts";
export type { AccessRule } from "./access/access_rule.ts";
export { type LinkKey, type LinkOptions, signLink } from "./access/links/link.ts";
export type { Authority, Authorize, Credentials, Permit, Verifying } from "./access/permit.ts";
export type { Verb } from "./access/verb.ts";
export type { AppOptions } from "./server/common/options.ts";
export type { RequestEntry, RequestLog } from "./server/common/request_entry.ts";
export type { TraceContext } from "./tracing/trace_context.ts";
export type {
  DeliverySpan,
  DeliveryStart,
  RequestFacts,
  RequestSpan,
  SyncedBatch,
  Tracer,
} from "./tracing/tracer.ts";
export { type HttpServer, serve, type ServeOptions } from "./server/serve.ts";
export type { TlsOptions } from "./listen/tls.ts";
export { type Address, ListenError } from "./listen/listen_error.ts";
export { createMemoryStorage, type MemoryStorageOptions } from "./storage/memory.ts";
export { openFileStorage } from "./storage/file/open.ts";
export type { FileStorageOptions } from "./storage/file/options.ts";
export { DirectoryError, type DirectoryErrorCode } from "./storage/file/directory/damage.ts";
export type {
  Appended,
  AppendRequest,
  Created,
  CreateSpec,
  ForkSpec,
  ListedStream,
  ListPage,
  ListRequest,
  MessageCount,
  ReadResult,
  Storage,
  StreamChange,
  StreamInfo,
  TrimBeforeTime,
  Updated,
  Watch,
} from "./storage/storage.ts";
export type { StreamPolicies } from "./storage/policies.ts";
export type { RetentionRule } from "./storage/retention_rules.ts";
export type { RetentionPolicy } from "./protocol/retention.ts";
export type { StorageFigures, StorageStatus } from "./storage/status.ts";
export type { ProducerBatch } from "./storage/records.ts";
export { type Failure, type FailureCode, StreamError } from "./protocol/errors.ts";
export type { Lifetime } from "./protocol/lifetime.ts";
export type {
  ForkedSpace,
  Offset,
  OffsetSpace,
  ReadFrom,
  ReadLast,
  ReadLastMessages,
  ReadSince,
  StreamOffset,
} from "./protocol/offset.ts";
