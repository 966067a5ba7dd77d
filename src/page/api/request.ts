import { signal } from "@preact/signals";

/** The bearer token of this page's requests, in memory only. */
export const token = signal<string | undefined>(undefined);
/** Why the server asks for another token; `undefined` as long as it takes this one. */
export const tokenRefusal = signal<string | undefined>(undefined);

/** A refusal of the server, or a server that can't be reached (status 0). */
export class ApiError extends Error {
  readonly status: number;
  /** The server's code: `not_found`. Of a server that is away it is `network`. */
  readonly code: string;
  /** How long the server wants to be left alone, in ms. */
  readonly retryAfterMs: number;
  /** Where the stream begins, where what was asked for was trimmed. */
  readonly earliestOffset: string | undefined;

  constructor(
    status: number,
    code: string,
    message: string,
    { retryAfterMs = 0, earliestOffset }: { retryAfterMs?: number; earliestOffset?: string } = {},
  ) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
    this.earliestOffset = earliestOffset;
  }

  /** Whether another try may go well: the server is away, busy or starting. */
  get isPassing(): boolean {
    return PASSING.includes(this.status);
  }
}

const PASSING = [0, 408, 429, 500, 502, 503, 504];
/** The page doesn't let itself be sent away for longer. */
const LONGEST_RETRY_AFTER_MS = 60_000;

/** What a request has beside its URL. */
export interface CallOptions {
  readonly method?: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BodyInit;
  readonly signal?: AbortSignal;
}

/**
 * Sends a request with the page's token.
 *
 * @throws {ApiError} where the answer is a refusal, or there is none
 */
export async function call(url: string, options: CallOptions = {}): Promise<Response> {
  const { method = "GET", headers = {}, body, signal } = options;
  const sent: Record<string, string> = { ...headers };
  const shown = token.value;
  if (shown !== undefined) sent["authorization"] = `Bearer ${shown}`;
  let answer: Response;
  try {
    answer = await fetch(url + queryText(options.query), {
      method,
      headers: sent,
      body: body ?? null,
      signal: signal ?? null,
      cache: "no-store",
      credentials: "omit",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "network", "The server can't be reached.");
  }
  if (answer.ok) return answer;
  const refusal = await readRefusal(answer);
  // Not where there is another token by now, nor where none was shown: then it is a proxy that refuses.
  const isOfToken = refusal.status === 401 && shown !== undefined && shown === token.value;
  if (isOfToken) tokenRefusal.value = refusal.message;
  throw refusal;
}

/** As {@link call}, and what the answer's JSON says. Its shape is the server's word. */
export async function callJson<T>(url: string, options: CallOptions = {}): Promise<T> {
  const answer = await call(url, options);
  const value: T = await answer.json();
  return value;
}

/** What a person is told of an error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** An error as one of requests: what isn't one came of a connection that broke. */
export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(0, "network", messageOf(error));
}

/** Whether an error is only that somebody went on to something else. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

function queryText(query: CallOptions["query"] = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

async function readRefusal(answer: Response): Promise<ApiError> {
  const { status } = answer;
  const seconds = Number(answer.headers.get("retry-after") ?? 0);
  const retryAfterMs = seconds > 0 ? Math.min(seconds * 1000, LONGEST_RETRY_AFTER_MS) : 0;
  const earliestOffset = answer.headers.get("stream-earliest-offset");
  const more = { retryAfterMs, ...(earliestOffset !== null && { earliestOffset }) };
  try {
    const { error } = JSON.parse(await answer.text());
    return new ApiError(status, String(error.code), String(error.message), more);
  } catch {
    const message = `The server answered with status ${status}.`;
    return new ApiError(status, `http_${status}`, message, more);
  }
}
