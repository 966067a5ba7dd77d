import type { Operation } from "./operation.ts";

/** Sends a request: to an app in this process, or over a socket. */
export type Send = (path: string, init: RequestInit) => Promise<Response>;

/** An offset ends in the position's digits; what comes before them is the stream's. */
const DIGITS = 16;
const NO_SPACE = "00000000_";

/** What offsets were seen to begin with, by the history that they are in. */
const spacesSeen = new Map<string, Set<string>>();

const TEXT = { "content-type": "text/plain" };

/**
 * Carries out an operation over HTTP; its answer in the model's words. The model's offsets name no
 * stream: they are those of the stream that is there when the operation takes place, and a request that
 * named another, which changes nothing, is sent again. Up to a fork's point that is its source's.
 */
export async function carryOut(send: Send, prefix: string, operation: Operation): Promise<string> {
  while (true) {
    for (const space of await spacesFor(send, prefix, operation)) {
      const response = await request(send, prefix, operation, space);
      noteSpaces(prefix, response);
      const answer = await responseOf(operation, response, space);
      if (answer !== "offset_gone") return answer;
    }
    // A fork's source may have answered nobody yet.
    const start = await send(`${prefix}/${operation.name}?offset=-1`, { method: "GET" });
    noteSpaces(prefix, start);
    await start.text();
    // Behind a fork's tail there may be no offset yet whose space was told.
    const tail = Number(start.headers.get("stream-next-offset")?.slice(-DIGITS) ?? Infinity);
    if (operation.kind === "read" && operation.from > tail) return "offset_past_tail";
  }
}

function noteSpaces(prefix: string, { headers }: Response): void {
  const seen = spacesSeen.get(prefix) ?? new Set();
  spacesSeen.set(prefix, seen);
  for (const name of ["stream-start-offset", "stream-next-offset"]) {
    const token = headers.get(name);
    if (token !== null) seen.add(token.slice(0, -DIGITS));
  }
}

/** Those that the operation's offset may be of, the likeliest first. */
async function spacesFor(
  send: Send,
  prefix: string,
  operation: Operation,
): Promise<readonly string[]> {
  if (!usesOffset(operation)) return [""];
  const space = await spaceOf(send, `${prefix}/${operation.name}`);
  return operation.kind === "read" ? [space, ...spacesSeen.get(prefix) ?? []] : [space];
}

function usesOffset(operation: Operation): boolean {
  return operation.kind === "read" ||
    (operation.kind === "append" && operation.request.expectedTail !== undefined);
}

/** What the offsets of the stream begin with; of no stream where there is none. */
async function spaceOf(send: Send, path: string): Promise<string> {
  const { headers } = await send(path, { method: "HEAD" });
  return headers.get("stream-next-offset")?.slice(0, -DIGITS) ?? NO_SPACE;
}

async function responseOf(
  operation: Operation,
  response: Response,
  space: string,
): Promise<string> {
  const body = operation.kind === "head" ? "" : await response.text();
  const { status } = response;
  const token = response.headers.get("stream-next-offset") ?? "";
  if (status === 409 && usesOffset(operation) && token !== "" && !token.startsWith(space)) {
    return "offset_gone";
  }
  if (status >= 400) return body === "" ? headError(status) : JSON.parse(body).error.code;
  const next = Number(token.slice(-DIGITS));
  switch (operation.kind) {
    case "delete":
      return `${status}`;
    case "head":
      return `${status} ${next} ${response.headers.get("stream-closed") === "true"}`;
    case "read":
      return `${status} ${next} ${body}`;
    default:
      return `${status} ${next}`;
  }
}

function request(
  send: Send,
  prefix: string,
  operation: Operation,
  space: string,
): Promise<Response> {
  const path = `${prefix}/${operation.name}`;
  switch (operation.kind) {
    case "create": {
      const { text, closed } = operation;
      const headers = closed ? { ...TEXT, "stream-closed": "true" } : TEXT;
      return send(path, { method: "PUT", headers, ...(text === "" ? {} : { body: text }) });
    }
    case "fork": {
      const headers = { "stream-forked-from": `/v1/stream/${prefix}/${operation.source}` };
      return send(path, { method: "PUT", headers });
    }
    case "fork_step":
      throw new Error("A fork's steps are the server's own.");
    case "append": {
      const { messages, close, seq, producer, expectedTail } = operation.request;
      const headers = new Headers(messages.length > 0 ? TEXT : {});
      if (close) headers.set("stream-closed", "true");
      if (seq !== undefined) headers.set("stream-seq", seq);
      if (expectedTail !== undefined) {
        headers.set("stream-expected-offset", offset(space, expectedTail));
      }
      if (producer !== undefined) {
        headers.set("producer-id", producer.id);
        headers.set("producer-epoch", String(producer.epoch));
        headers.set("producer-seq", String(producer.seq));
      }
      const body = messages.join("");
      return send(path, { method: "POST", headers, ...(body === "" ? {} : { body }) });
    }
    case "delete":
      return send(path, { method: "DELETE" });
    case "head":
      return send(path, { method: "HEAD" });
    case "read": {
      const live = operation.live ? "&live=long-poll" : "";
      return send(`${path}?offset=${offset(space, operation.from)}${live}`, { method: "GET" });
    }
  }
}

function offset(space: string, position: number): string {
  return `${space}${String(position).padStart(DIGITS, "0")}`;
}

/** A HEAD's refusal has no body. */
function headError(status: number): string {
  return status === 404 ? "not_found" : status === 410 ? "gone" : `${status}`;
}
