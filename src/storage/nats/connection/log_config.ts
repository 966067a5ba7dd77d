import type { LogConfig } from "../jetstream.ts";
import { objectIn, textIn } from "./json.ts";

/** Nothing is recognized by the servers' own memory of ids, so that has to hold as few as possible. */
const SHORTEST_DUPLICATE_WINDOW_NS = 100_000_000;

/** Servers tell what was stored under subjects that begin with this: no log's own subjects do. */
const WATCH_PREFIX = "ds-watch";

/** The subject under which who watches is told of what is stored under another. */
export function watchedSubject(log: string, subject: string): string {
  return `${WATCH_PREFIX}.${log}.${subject}`;
}

const CONFIRM_PREFIX = "ds-confirm";

/** The subject of a log that its leader shows on that it leads. */
export function confirmedSubject(log: string): string {
  return `${CONFIRM_PREFIX}.${log}`;
}

/** Whether a message serves only that. */
export function isConfirmation(subject: string): boolean {
  return subject.startsWith(`${CONFIRM_PREFIX}.`);
}

/** What JetStream calls a stream's configuration. */
export function streamConfigOf(config: LogConfig): Record<string, unknown> {
  return {
    name: config.name,
    subjects: subjectsOf(config),
    retention: "limits",
    storage: "file",
    num_replicas: config.replicas,
    max_msgs_per_subject: config.messagesPerSubject ?? -1,
    // Whoever gives it a limit of bytes gets refusals when that is reached, and loses nothing.
    discard: "new",
    max_age: 0,
    duplicate_window: SHORTEST_DUPLICATE_WINDOW_NS,
    allow_direct: true,
    allow_rollup_hdrs: true,
    allow_msg_ttl: true,
    allow_atomic: true,
    deny_delete: true,
    ...(config.isWatched
      ? {
        republish: { src: ">", dest: watchedSubject(config.name, ">"), headers_only: true },
      }
      : {}),
  };
}

function subjectsOf({ name, subjects }: LogConfig): string[] {
  return [...subjects, confirmedSubject(name)];
}

/** What of a log that is there isn't as it has to be, as a sentence; undefined where all of it is. */
export function unsuitableConfig(
  found: Record<string, unknown>,
  config: LogConfig,
): string | undefined {
  const wanted = streamConfigOf(config);
  for (const name of ["retention", "storage", "max_msgs_per_subject", "discard"]) {
    if (found[name] !== wanted[name]) return differs(name, found[name], wanted[name]);
  }
  for (const name of ["allow_direct", "allow_rollup_hdrs", "allow_msg_ttl", "allow_atomic"]) {
    if (found[name] !== true) return differs(name, found[name] ?? false, true);
  }
  for (const name of ["sealed", "no_ack", "deny_purge", "mirror", "sources", "subject_transform"]) {
    if (found[name] !== undefined && found[name] !== false) {
      return differs(name, found[name], "not set");
    }
  }
  if (typeof found["max_age"] === "number" && found["max_age"] !== 0) {
    return differs("max_age", found["max_age"], 0);
  }
  const replicas = found["num_replicas"];
  if (typeof replicas !== "number" || replicas < config.replicas) {
    return differs("num_replicas", replicas, `at least ${config.replicas}`);
  }
  const subjects = Array.isArray(found["subjects"]) ? found["subjects"] : [];
  if (subjectsOf(config).some((subject) => !subjects.includes(subject))) {
    return differs("subjects", subjects, subjectsOf(config));
  }
  return config.isWatched ? unsuitableRepublish(found, wanted) : undefined;
}

function unsuitableRepublish(
  found: Record<string, unknown>,
  wanted: Record<string, unknown>,
): string | undefined {
  const [is, has] = [objectIn(found["republish"]), objectIn(wanted["republish"])];
  const isSame = (textIn(is["src"]) || ">") === has["src"] && is["dest"] === has["dest"] &&
    is["headers_only"] === true;
  return isSame ? undefined : differs("republish", is, has);
}

function differs(name: string, found: unknown, wanted: unknown): string {
  const show = (value: unknown) => typeof value === "string" ? value : JSON.stringify(value);
  return `its ${name} is ${show(found)}, and has to be ${show(wanted)}`;
}
