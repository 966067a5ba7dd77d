import { connect } from "node:net";
import type { ProxyRequest } from "./exchange_log.ts";
import type { OpenSockets } from "./open_sockets.ts";
import {
  encodeHead,
  type Field,
  fieldOf,
  type Framing,
  framingOf,
  passedOn,
  WireError,
  WireReader,
} from "./wire.ts";

/** An answer whose body is still to come. */
export interface ProxyResponse {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly Field[];
  readonly framing: Framing;
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends the connection that it comes from. */
  hangUp(): void;
}

/**
 * Sends a request to the server over a connection of its own, and waits for the answer's head. A
 * compressed answer isn't asked for, so that bytes are counted as the server made them.
 *
 * Throws {@link WireError} where no answer comes, or where `signal` ended the wait; the body throws it too.
 */
export async function sendUpstream(
  origin: string,
  request: ProxyRequest,
  sockets: OpenSockets,
  signal: AbortSignal,
  onSent: () => void,
): Promise<ProxyResponse> {
  const { hostname, port, host } = new URL(origin);
  const socket = sockets.add(connect({ host: hostname, port: Number(port || 80), noDelay: true }));
  const hangUp = () => void socket.destroy();
  if (signal.aborted) hangUp();
  signal.addEventListener("abort", hangUp, { once: true });
  socket.once("close", () => signal.removeEventListener("abort", hangUp));
  const reader = new WireReader(socket);
  socket.write(encodeHead({
    startLine: `${request.method} ${request.target} HTTP/1.1`,
    fields: [
      ["host", host],
      ["connection", "close"],
      ...passedOn([...request.headers], "host", "content-length", "accept-encoding", "expect"),
      ...lengthOf(request),
    ],
  }));
  socket.write(request.body, (error) => error ? undefined : onSent());
  try {
    return await readResponse(reader, request.method, hangUp);
  } catch (error) {
    hangUp();
    throw error;
  }
}

/** Waits until the server has done all that the answer tells of; an event stream's head is enough. */
export async function finish(answer: ProxyResponse): Promise<void> {
  const isEndless = fieldOf(answer.fields, "content-type")?.startsWith("text/event-stream");
  if (!isEndless) { for await (const _ of answer.body); }
  answer.hangUp();
}

function lengthOf({ method, body }: ProxyRequest): Field[] {
  const isWithout = body.length === 0 && (method === "GET" || method === "HEAD");
  return isWithout ? [] : [["content-length", String(body.length)]];
}

async function readResponse(
  reader: WireReader,
  method: string,
  hangUp: () => void,
): Promise<ProxyResponse> {
  for (;;) {
    const head = await reader.head();
    if (head === undefined) throw new WireError("The server hung up without an answer.");
    const [, code = "", reason = ""] = /^HTTP\/1\.\d (\d{3}) ?(.*)$/.exec(head.startLine) ?? [];
    const status = Number(code);
    if (status < 100) throw new WireError(`${JSON.stringify(head.startLine)} isn't HTTP/1.1.`);
    if (status < 200) continue;
    const isBodiless = method === "HEAD" || status === 204 || status === 304;
    const framing = isBodiless ? 0 : framingOf(head.fields, "until-end");
    return { status, reason, fields: head.fields, framing, body: reader.body(framing), hangUp };
  }
}
