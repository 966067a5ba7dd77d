import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { getLogger } from "@logtape/logtape";
import { AccessError } from "../../access/access_error.ts";
import { checkAccess } from "../../access/open_authority.ts";
import { hasControllingTerminal } from "../../env/controlling_terminal.ts";
import { openFileLimit } from "../../env/open_file_limit.ts";
import { openFileStorage } from "../../storage/file/open.ts";
import { systemClock } from "../../env/clock.ts";
import { unixPath } from "../../protocol/unix_host.ts";
import { BODY_OVERHEAD_BYTES } from "../../server/common/options.ts";
import { createMemoryStorage } from "../../storage/memory.ts";
import type { QuotaOptions } from "../../storage/quota_account.ts";
import type { StartProgress } from "../../storage/start_progress.ts";
import { Quotas } from "../../storage/quotas.ts";
import { RetentionRules } from "../../storage/retention_rules.ts";
import type { Storage } from "../../storage/storage.ts";
import { type OpenedTracer, openTracer } from "../../tracing/open_telemetry.ts";
import { TracingError } from "../../tracing/settings.ts";
import { type Prepared, prepareTogether, Reload } from "../config/reload.ts";
import { LiveSettings } from "./live_settings.ts";
import { type AppSettings, appSettings } from "./app_settings.ts";
import { CertificateReload, readCertificate } from "./certificate_files.ts";
import { connectionLimit } from "./connection_limit.ts";
import { LOG_FLAGS, RELOADED_SECTIONS, REQUEST_FLAGS, STORAGE_FLAGS } from "./reloadable.ts";
import { surviveUncaughtErrors } from "./uncaught_errors.ts";
import { accessSettings } from "../flags/access_flags.ts";
import type { Flag } from "../flags/flag.ts";
import type { FlagValues } from "../flags/flag_values.ts";
import { serveFlags as flags } from "../flags/serve_flags.ts";
import { type CertificateFiles, certificateFiles } from "../flags/tls_flags.ts";
import { ListenError, originOf } from "../../listen/listen_error.ts";
import { startHttp } from "./http_server.ts";
import { startHttpWorkers } from "./http_workers.ts";
import { checkStorage, openClusterStorage, whereStreamsAre } from "./storage_settings.ts";
import { hasRuntimeHttp, runtimeHttpIsLimited } from "../../listen/listen.ts";
import type { Listener } from "../../listen/listener.ts";
import type { TlsOptions } from "../../listen/tls.ts";
import { runtimeName } from "../../listen/runtime_name.ts";
import { configureLogs, type LogOptions } from "./logger.ts";
import { onStopSignal, shutDown, type ShutdownTargets } from "./shutdown.ts";
import { serviceOf } from "./systemd.ts";
import { formatSize } from "../flags/units.ts";
import { describeUnknown, unknownVariables } from "../flags/unknown_variables.ts";
import { UsageError } from "../flags/usage_error.ts";
import type { CliCommand, Invocation } from "../context/cli_command.ts";
import type { Environment } from "../flags/flag_values.ts";
import { version } from "../context/version.ts";

const log = getLogger("durable-streams");

/** For what is being answered as a start fails. */
const ABANDON_LIMIT_MS = 500;

/** The part that serves HTTP, in this thread or in others, from before the storage is open. */
interface RunningServer extends Pick<ShutdownTargets, "endReaders"> {
  listener: Listener;
  /** Says how far the storage's start is. */
  report(progress: StartProgress): void;
  /** Serves this storage from now on; until then the server answers that it starts. */
  serve(storage: Storage): void | Promise<void>;
  /** Looks at new settings, for all threads that serve. */
  prepare(settings: AppSettings, logs: LogOptions): Promise<Prepared>;
}

/** `durable-streams serve`: the server, until a signal ends it. */
export const serveCommand: CliCommand = {
  name: "serve",
  summary: "Serve the streams of a directory (the default command).",
  examples: [
    ["durable-streams", "on 127.0.0.1:4437, in ./data"],
    ["durable-streams --dir /var/streams --port 8080", "elsewhere"],
    [
      "durable-streams --host 0.0.0.0 --allow-host streams.example --tokens tokens.jsonl",
      "for other machines, with tokens of `durable-streams token create`",
    ],
    ["durable-streams --storage memory", "for a test: nothing is kept"],
    [
      "durable-streams --storage nats --nats nats://a:4222,nats://b:4222,nats://c:4222",
      "one of any number of front ends of a NATS cluster",
    ],
  ],
  flags,
  run,
};

async function run(values: FlagValues, { context, readAgain }: Invocation): Promise<number> {
  await checkSettings(values);
  configureLogs(logOptions(values));
  const files = certificateFiles(values);
  const tls = files === undefined ? undefined : loadCertificate(files);
  for (const variable of unknownVariables(context.environment)) log.warn(describeUnknown(variable));
  const tracer = await loadTracer(context.environment);
  surviveUncaughtErrors();
  const reload = reloadOf(values, readAgain);
  const service = serviceOf(context.environment);

  let settings: AppSettings | undefined;
  let live: LiveSettings | undefined;
  let storage: Storage | undefined;
  let serving: RunningServer | undefined;
  let certificate: CertificateReload | undefined;
  const stop = stopRequest(reload, () => {
    service.stopping();
    // A socket in the file system goes with it.
    void serving?.listener.stop();
  });
  try {
    settings = serverSettings(values, tls);
    live = new LiveSettings(settings);
    reloadSettings(reload, values, live, () => serving);
    serving = await startServer(values, settings, live, tracer);
    certificate = files && reloadCertificate(reload, files, serving.listener);
    announceStart(values, serving.listener, tls);
    const { report } = serving;
    const opened = storage = await openStorage(values, tracer, report);
    opened.prepareRetention?.(values.get(flags.retentionRules) ?? [])();
    reloadStorage(reload, opened);
    await serving.serve(opened);
  } catch (error) {
    certificate?.stop();
    log.fatal(`cannot start: ${oneLine(error)}${flagHint(error)}`);
    await storage?.close();
    if (serving !== undefined) {
      await Promise.race([serving.listener.stop(), sleep(ABANDON_LIMIT_MS)]);
    }
    await Promise.all([live?.close(), tracer?.close(ABANDON_LIMIT_MS)]);
    return 1;
  }
  announce(values, serving.listener, tls, settings.app.page === true);
  service.ready(`listening on port ${serving.listener.port}`);
  reload.start();

  const signal = await stop.started();
  service.stopping();
  certificate?.stop();
  log.info("stopping", { signal });
  const opened = storage;
  const exitCode = await shutDown({
    ...serving,
    closeStorage: async (limitMs) => {
      await Promise.all([opened.close(limitMs), tracer?.close(limitMs)]);
    },
  });
  await live.close();
  log.info("stopped", { exitCode });
  return exitCode;
}

/**
 * A signal during the start ends the program at once: nothing has been acknowledged yet, and what was done
 * so far the next start does again.
 *
 * @param abandon called before that
 */
function stopRequest(reload: Reload, abandon: () => void): { started: () => Promise<string> } {
  const signalled = Promise.withResolvers<string>();
  let isStarting = true;
  onStopSignal((signal) => {
    if (isStarting) {
      log.info("stopping, before it was ready", { signal });
      abandon();
      process.exit(0);
    }
    signalled.resolve(signal);
  }, () => takesHangUp(reload));
  return {
    started() {
      isStarting = false;
      return signalled.promise;
    },
  };
}

/** Only the end of the terminal that controls the program ends it; else SIGHUP asks for a reload. */
function takesHangUp(reload: Reload): boolean {
  if (reload.isUseful) {
    void reload.request();
    return true;
  }
  if (hasControllingTerminal()) return false;
  log.info("SIGHUP: nothing to reload, neither a configuration nor files of flags were given");
  return true;
}

function reloadOf(started: FlagValues, readAgain: () => FlagValues): Reload {
  const read = async () => {
    const values = readAgain();
    await checkSettings(values);
    return values;
  };
  return new Reload({ flags, started, read });
}

function reloadSettings(
  reload: Reload,
  started: FlagValues,
  live: LiveSettings,
  serving: () => RunningServer | undefined,
): void {
  reload.onReload({
    name: "the settings",
    flags: [...LOG_FLAGS, ...REQUEST_FLAGS],
    sections: RELOADED_SECTIONS,
    readsFiles: started.get(flags.accessLogFile) !== undefined,
    prepare(values) {
      const { settings } = settingsOf(values);
      const logs = logOptions(values);
      const server = serving();
      return prepareTogether([
        () => live.prepare(settings, logs),
        ...(server === undefined ? [] : [() => server.prepare(settings, logs)]),
      ]);
    },
  });
}

function reloadStorage(reload: Reload, storage: Storage): void {
  reload.onReload({
    name: "the quotas and the retention",
    flags: STORAGE_FLAGS,
    prepare(values) {
      const changeQuotas = storage.prepareQuotas?.(quotas(values).quotas ?? []);
      const changeRetention = storage.prepareRetention?.(values.get(flags.retentionRules) ?? []);
      return {
        apply() {
          changeQuotas?.();
          changeRetention?.();
        },
      };
    },
  });
}

/** New certificates are taken up by themselves; SIGHUP has them taken up at once. */
function reloadCertificate(
  reload: Reload,
  files: CertificateFiles,
  listener: Listener,
): CertificateReload {
  const certificate = new CertificateReload(
    files,
    systemClock,
    (next) => listener.setCertificate(next),
  );
  reload.onReload({
    name: "the certificate",
    readsFiles: true,
    prepare: () => certificate.prepare(),
  });
  return certificate;
}

function loadCertificate(files: CertificateFiles): TlsOptions {
  try {
    return readCertificate(files);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message.replace(/\.$/, ""));
    throw error;
  }
}

/** @throws {UsageError} where the variables that ask for traces are wrong, or what sends them is missing */
async function loadTracer(environment: Environment): Promise<OpenedTracer | undefined> {
  try {
    return await openTracer(environment, version);
  } catch (error) {
    if (error instanceof TracingError) throw new UsageError(error.message);
    throw error;
  }
}

function logOptions(values: FlagValues): LogOptions {
  return { level: values.get(flags.logLevel), format: values.get(flags.logFormat) };
}

/**
 * Checks what no flag can check by itself: what goes together, and the files that say who may do what.
 *
 * @throws {UsageError} what is wrong and what would be right
 */
export async function checkSettings(values: FlagValues): Promise<void> {
  checkTogether(values);
  await checkAccessFiles(values);
}

function checkTogether(values: FlagValues): void {
  checkStorage(values);
  const append = values.get(flags.maxAppendBytes);
  const queued = values.get(flags.maxQueuedBytes);
  if (append > queued) {
    throw new UsageError(
      `--max-append-bytes is ${formatSize(append)} and --max-queued-bytes only ` +
        `${formatSize(queued)}, so that the longest append would never fit; accepted: a queue at ` +
        "least as large",
    );
  }
  if (values.get(flags.trustedProxies) !== undefined && !values.get(flags.trustProxy)) {
    throw new UsageError(
      "--trusted-proxies says which proxies are believed; accepted: with --trust-proxy",
    );
  }
  checkRules(values, flags.quotas, (quotas) => new Quotas(quotas));
  checkRules(values, flags.retentionRules, (rules) => new RetentionRules(rules));
  if (values.get(flags.http) === "runtime" && !hasRuntimeHttp()) {
    throw new UsageError("--http is runtime, which takes Deno or Bun; accepted here: own");
  }
  checkListening(values);
  const inFlight = values.get(flags.maxBodyBytesInFlight);
  if (append + BODY_OVERHEAD_BYTES > inFlight) {
    throw new UsageError(
      `--max-append-bytes is ${formatSize(append)} and --max-body-bytes-in-flight only ` +
        `${formatSize(inFlight)}, so that the longest append would never fit; accepted: at least ` +
        `${formatSize(BODY_OVERHEAD_BYTES)} more`,
    );
  }
  const snapshot = values.get(flags.maxSnapshotBytes);
  const isGiven = values.given(flags.maxSnapshotBytes) !== undefined;
  if (isGiven && snapshot + BODY_OVERHEAD_BYTES > inFlight) {
    throw new UsageError(
      `--max-snapshot-bytes is ${formatSize(snapshot)} and --max-body-bytes-in-flight only ` +
        `${
          formatSize(inFlight)
        }, so that the longest snapshot would never fit; accepted: at least ` +
        `${formatSize(BODY_OVERHEAD_BYTES)} more`,
    );
  }
}

/** Each for itself was checked as a flag. */
function checkRules<Rule>(
  values: FlagValues,
  flag: Flag<readonly Rule[] | undefined>,
  make: (rules: readonly Rule[]) => unknown,
): void {
  try {
    make(values.get(flag) ?? []);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const where = values.given(flag)?.from ?? `--${flag.name}`;
    throw new UsageError(`${where}: ${error.message.replace(/\.$/, "")}`);
  }
}

/** @throws {UsageError} where what says who may do what is missing or broken */
async function checkAccessFiles(values: FlagValues): Promise<void> {
  const settings = accessSettings(values, values.get(flags.host));
  if (settings === undefined) return;
  try {
    await checkAccess(settings);
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    throw new UsageError(error.message.replace(/\.$/, ""));
  }
}

function checkListening(values: FlagValues): void {
  const workers = values.get(flags.workers);
  const host = values.get(flags.host);
  if (unixPath(host) !== undefined && workers > 1) {
    throw new UsageError(
      `--host is ${host}, a socket that one thread listens on, and --workers is ${workers}; accepted: ` +
        "--workers 1, or an address",
    );
  }
  const files = certificateFiles(values);
  if (files === undefined || values.get(flags.http) === "own" || !runtimeHttpIsLimited()) return;
  const missing = files.clientCa !== undefined
    ? "--tls-client-ca is given, and Deno.serve doesn't ask clients for certificates; accepted: --http own"
    : workers > 1
    ? `--workers is ${workers}, and threads of Deno.serve share no port with TLS; accepted: --workers 1, ` +
      "or --http own"
    : undefined;
  if (missing !== undefined) throw new UsageError(missing);
}

async function openStorage(
  values: FlagValues,
  tracer: OpenedTracer | undefined,
  onProgress: (progress: StartProgress) => void,
): Promise<Storage> {
  const limits = {
    maxProducersPerStream: values.get(flags.maxProducers),
    maxSubscriptions: values.get(flags.maxSubscriptions),
    ...quotas(values),
  };
  if (values.get(flags.storage) === "memory") return createMemoryStorage(limits);
  if (values.get(flags.storage) === "nats") return await openClusterStorage(values);
  return await openFileStorage({
    dir: values.get(flags.dir),
    fsync: values.get(flags.fsync),
    fsyncIntervalMs: values.get(flags.fsyncIntervalMs),
    segmentBytes: values.get(flags.segmentBytes),
    walBytes: values.get(flags.walBytes),
    mustExist: values.get(flags.mustExist),
    maxOpenFiles: values.get(flags.maxOpenFiles),
    compactionShare: values.get(flags.compactionShare) / 100,
    compactionMemoryBytes: values.get(flags.compactionMemory),
    maxQueuedBytes: values.get(flags.maxQueuedBytes),
    ...limits,
    ...(tracer === undefined ? {} : { tracer }),
    mayBlock: true,
    onProgress,
  });
}

function quotas(values: FlagValues): { quotas?: readonly QuotaOptions[] } {
  const given = values.get(flags.quotas);
  return given === undefined ? {} : { quotas: given };
}

function serverSettings(values: FlagValues, tls: TlsOptions | undefined): AppSettings {
  const { settings, warning } = settingsOf(values, tls);
  if (warning !== undefined) log.warn(warning);
  return settings;
}

function settingsOf(
  values: FlagValues,
  tls?: TlsOptions,
): { settings: AppSettings; warning: string | undefined } {
  // The number of connections of the runtimes' own servers can't be limited.
  const isOwnHttp = values.get(flags.http) === "own";
  const openFiles = isOwnHttp ? openFileLimit() : undefined;
  const { connections, warning } = connectionLimit(values, openFiles);
  return { settings: appSettings(values, values.get(flags.workers), connections, tls), warning };
}

async function startServer(
  values: FlagValues,
  settings: AppSettings,
  { requestLog }: LiveSettings,
  tracer: OpenedTracer | undefined,
): Promise<RunningServer> {
  const workers = values.get(flags.workers);
  if (workers === 1) {
    const readers = new AbortController();
    let progress: StartProgress = { state: "starting" };
    const listener = await startHttp(
      settings,
      requestLog,
      () => progress,
      readers.signal,
      undefined,
      tracer,
    );
    return {
      listener,
      report: (reported) => progress = reported,
      serve: (storage) => listener.serve(storage),
      endReaders: () => readers.abort(),
      prepare: (changed) => Promise.resolve({ apply: listener.prepare(changed) }),
    };
  }
  const listener = await startHttpWorkers(workers, settings, logOptions(values), tracer);
  return {
    listener,
    report: (progress) => listener.report(progress),
    serve: (storage) => listener.serve(storage),
    endReaders: () => listener.endReaders(),
    prepare: (changed, logs) => listener.prepare(changed, logs),
  };
}

/** Not yet on stdout: whoever waits for that line wants to be served. */
function announceStart(
  values: FlagValues,
  { port }: Listener,
  tls: TlsOptions | undefined,
): void {
  const origin = originOf({ host: values.get(flags.host), port }, tls !== undefined);
  log.info(`starting: ${origin} answers 503 until the streams can be served`);
}

function announce(
  values: FlagValues,
  { port }: Listener,
  tls: TlsOptions | undefined,
  hasPage: boolean,
): void {
  const host = values.get(flags.host);
  const isUnix = unixPath(host) !== undefined;
  const origin = originOf({ host, port }, tls !== undefined);
  log.info("started", {
    pid: process.pid,
    ...whereStreamsAre(values),
    runtime: runtimeName(),
    ...(tls === undefined ? {} : { protocols: protocolsOf(values) }),
    version,
    ...(hasPage && !isUnix ? { page: `${origin}/ui` } : {}),
  });
  const path = values.get(flags.prefix).replace(/\/+$/, "") || "/";
  console.log(`listening on ${origin}${isUnix ? "" : path}`);
}

function protocolsOf(values: FlagValues): string {
  return values.get(flags.http) === "own" ? "HTTP/1.1" : "HTTP/1.1 and HTTP/2";
}

/** Names the flag that changes the wrong part of the address. */
function flagHint(error: unknown): string {
  const wrong = error instanceof ListenError ? error.wrong : undefined;
  return wrong === undefined ? "" : `, with --${flags[wrong].name}`;
}

function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/\s*\n\s*/g, " ");
}
