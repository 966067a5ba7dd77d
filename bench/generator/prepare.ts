import { AppendRequest, natsInbox } from "./append_request.ts";
import type {
  AppendEachCommand,
  CreateCommand,
  FillCommand,
  SubscribeCommand,
} from "./commands.ts";
import { bodyOf } from "./figures.ts";
import { joinBytes, pathOfStream, requestBytes } from "./requests.ts";
import { sendAll } from "./send_all.ts";

const CONNECTIONS = 16;
const MESSAGE_BYTES = 256;

/**
 * Creates the streams of a workload. Redis makes them as they are written to; for NATS they are subjects
 * of one JetStream stream, kept in files.
 */
export async function create(command: CreateCommand): Promise<void> {
  const { target, streams, contentType, forkedFrom } = command;
  if (target.protocol === "redis") return;
  if (target.protocol === "nats") {
    await sendAll(target, [jetStreamRequest(streams.prefix)], 1, 1);
    return;
  }
  const headers: [string, string][] = [["Content-Type", contentType]];
  if (forkedFrom !== undefined) headers.push(["Stream-Forked-From", forkedFrom]);
  const requests = function* () {
    for (let index = 0; index < streams.count; index++) {
      yield requestBytes(target, "PUT", pathOfStream(streams, index), headers);
    }
  };
  await sendAll(target, requests(), CONNECTIONS, streams.count);
}

/** Appends once to each stream. */
export async function appendEach(command: AppendEachCommand): Promise<void> {
  const { target, streams, contentType } = command;
  const body = bodyOf(contentType, command.bodyBytes);
  const request = new AppendRequest({ target, streams, contentType, body, connection: 0 });
  const requests = function* () {
    for (let index = 0; index < streams.count; index++) yield request.to(index);
  };
  await sendAll(target, requests(), CONNECTIONS * 4, streams.count);
}

/** Makes subscriptions, each by a pattern of its own beside the streams of the run. */
export async function subscribe({ target, subscriptions }: SubscribeCommand): Promise<void> {
  const requests = function* () {
    for (let index = 0; index < subscriptions.count; index++) {
      const body = JSON.stringify({
        type: "webhook",
        pattern: `elsewhere/${index % 100}/*/${index}/**`,
        webhook: { url: "http://127.0.0.1:9/" },
      });
      const headers = [["Content-Type", "application/json"]] as const;
      const path = pathOfStream(subscriptions, index);
      yield requestBytes(target, "PUT", path, headers, new TextEncoder().encode(body));
    }
  };
  await sendAll(target, requests(), CONNECTIONS, subscriptions.count);
}

/** Fills a stream for readers: raw bytes, or JSON messages of 256 bytes. */
export async function fill(command: FillCommand): Promise<void> {
  const { target, path, contentType, bodyBytes } = command;
  const headers = [["Content-Type", contentType]] as const;
  const body = contentType === "application/json" ? jsonBatch(bodyBytes) : byteBatch(bodyBytes);
  const request = requestBytes(target, "POST", path, headers, body);
  const count = Math.ceil(command.bytes / bodyBytes);
  const requests = function* () {
    for (let index = 0; index < count; index++) yield request;
  };
  await sendAll(target, requests(), CONNECTIONS, count);
}

function jetStreamRequest(prefix: string): Uint8Array {
  const name = "bench";
  const subject = `${prefix.slice(0, prefix.indexOf("."))}.>`;
  const config = `{"name":"${name}","subjects":["${subject}"],"storage":"file",` +
    `"retention":"limits","num_replicas":1}`;
  const head = `PUB $JS.API.STREAM.CREATE.${name} ${natsInbox(0)} ${config.length}\r\n`;
  return joinBytes(head + config, undefined, "\r\n");
}

function byteBatch(bodyBytes: number): Uint8Array {
  const bytes = new Uint8Array(bodyBytes);
  for (let at = 0; at < bytes.byteLength; at++) bytes[at] = (at * 131 + (at >> 8)) & 0xff;
  return bytes;
}

function jsonBatch(bodyBytes: number): Uint8Array {
  const messages: string[] = [];
  for (let index = 0; index < bodyBytes / MESSAGE_BYTES; index++) {
    const head = `{"n":${index},"text":"`;
    messages.push(`${head}${"x".repeat(MESSAGE_BYTES - head.length - 2)}"}`);
  }
  return new TextEncoder().encode(`[${messages.join(",")}]`);
}
