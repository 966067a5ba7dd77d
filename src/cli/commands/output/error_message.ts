import { ClientError, type Undelivered } from "../../../client/errors/client_error.ts";
import { plural } from "../../context/plural.ts";

/** The server and stream that a message may name beside the error's own text. */
export interface Subject {
  /** What the streams' URLs begin with. */
  readonly url: string;
  /** The stream, if the command has one. */
  readonly name: string | undefined;
}

/** The message for a failed command: what went wrong, and what to do about it. */
export function errorMessageOf(error: unknown, subject: Subject): string {
  if (!(error instanceof ClientError)) {
    return error instanceof Error ? error.message : String(error);
  }
  const { undelivered } = error;
  const lost = undelivered === undefined ? "" : undeliveredIn(undelivered);
  return explain(error, subject) + lost;
}

function explain(error: ClientError, { url, name }: Subject): string {
  const stream = name === undefined ? "the stream" : JSON.stringify(name);
  switch (error.code) {
    case "network":
      return `can't reach ${url}: ${adviceFor(url)}${reasonOf(error)}`;
    case "timeout":
      return `${url} took too long to answer; --timeout DURATION waits longer`;
    case "unavailable":
      return `the server at ${url} fails (${error.status ?? "no status"}): ${trimmed(error)}`;
    case "damaged":
      return `${stream} at ${url} is damaged on the server's disk: ${trimmed(error)}; ` +
        adviceForDamage(error);
    case "not_found":
      return name === undefined
        ? trimmed(error)
        : `no stream ${stream} at ${url}; ${adviceForMissing(url, name)}`;
    case "trimmed":
      return `what ${stream} at ${url} held there was trimmed: --from ${
        error.earliestOffset ?? "start"
      } reads what is left, and --skip-trimmed goes on there by itself`;
    case "gone":
      if (error.serverCode === "offset_gone") {
        return `${stream} at ${url} isn't the stream that this offset belongs to: it was deleted and made ` +
          "again, or the offset is another stream's; --from start reads what is there now";
      }
      return `${stream} at ${url} was deleted, or no longer holds what was asked for`;
    case "unauthenticated":
      if (error.status === undefined) return trimmed(error);
      return `the server refused this (${error.status}): ${trimmed(error)}; ` +
        "credentials go in by --token, --token-file or --header";
    case "forbidden":
      return `the server refused this (${error.status ?? "no status"}): ${trimmed(error)}; ` +
        "the token given is good, but not for this";
    case "stream_closed":
      return `${stream} is closed: it takes no more appends`;
    case "rate_limited":
      return `the server at ${url} limits such requests for now: ${trimmed(error)}`;
    case "too_large":
      return `${trimmed(error)}; --lines appends any amount, in batches`;
    case "stale_epoch":
      return `another run has taken over this producer${epochOf(error)}`;
    case "sequence_gap":
      return `${stream} lacks what this producer appended before: was it deleted and made again? ` +
        "Use another --producer";
    case "invalid_response":
      return `${url} doesn't answer as a Durable Streams server: ${trimmed(error)}`;
    default:
      return trimmed(error);
  }
}

function adviceForDamage({ offset }: ClientError): string {
  return offset === undefined
    ? "the server doesn't say from where one can read on; `durable-streams check` in its directory " +
      "says what is damaged"
    : `--from ${offset} reads on behind it`;
}

function adviceFor(url: string): string {
  const { hostname } = new URL(url);
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
    ? "is the server running? Start it with: durable-streams"
    : "is the server running, and --url right?";
}

function adviceForMissing(url: string, name: string): string {
  // A name that begins with a slash comes from a whole URL.
  const lacksPrefix = new URL(url).pathname === "/" && !name.startsWith("/");
  return lacksPrefix
    ? "--url includes the prefix, on most servers /v1/stream"
    : 'the command "list" prints those that there are';
}

function reasonOf({ cause }: ClientError): string {
  return cause instanceof Error ? ` (${cause.message})` : "";
}

function epochOf({ epoch }: ClientError): string {
  return epoch === undefined ? "" : `, with epoch ${epoch}; --epoch ${epoch + 1} takes it back`;
}

/** How many messages weren't delivered, in brackets, to follow the reason. */
export function undeliveredIn({ lost, unknown }: Undelivered): string {
  const parts: string[] = [];
  if (lost > 0) parts.push(`${plural(lost, "message")} not appended`);
  if (unknown > 0) parts.push(`no answer for ${plural(unknown, "message")}`);
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

function trimmed({ message }: Error): string {
  return message.replace(/\.$/, "");
}
