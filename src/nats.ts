/**
 * What a program imports that keeps streams in a cluster of NATS servers: the storage to put under the server
 * of `durable-streams`. Nothing else of the package loads anything of NATS.
 *
 * @module
 */
export {
  type NatsClusterOptions,
  openNatsStorage,
} from "./storage/nats/connection/open_nats_storage.ts";
export type { NatsTlsOptions } from "./storage/nats/connection/options.ts";
export { JetStreamError, type JetStreamErrorCode } from "./storage/nats/jetstream.ts";
