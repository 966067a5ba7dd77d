import { RULES_SECTION } from "../flags/access_flags.ts";
import type { Flag } from "../flags/flag.ts";
import { serveFlags as flags } from "../flags/serve_flags.ts";

/** The settings of the logs, which SIGHUP changes. */
export const LOG_FLAGS: readonly Flag<unknown>[] = [
  flags.logLevel,
  flags.logFormat,
  flags.accessLog,
  flags.accessLogFile,
  flags.accessLogSample,
];

/** Those of requests: what a client may do, and which clients are believed and let in. */
export const REQUEST_FLAGS: readonly Flag<unknown>[] = [
  flags.clientRequests,
  flags.clientBytes,
  flags.clientReaders,
  flags.clientFailedTokens,
  flags.trustProxy,
  flags.trustedProxies,
  flags.cors,
  flags.allowHosts,
];

/** Those of the storage. */
export const STORAGE_FLAGS: readonly Flag<unknown>[] = [flags.quotas, flags.retentionRules];

/** The tables of the configuration that SIGHUP changes. */
export const RELOADED_SECTIONS: readonly string[] = [RULES_SECTION];

/** Those whose files are read anew, though another path needs a restart. */
export const REREAD_FLAGS: readonly Flag<unknown>[] = [
  flags.tokens,
  flags.jwtKey,
  flags.jwtJwksUrl,
  flags.linkKey,
  flags.tlsCert,
  flags.tlsKey,
  flags.tlsClientCa,
  flags.config,
];
