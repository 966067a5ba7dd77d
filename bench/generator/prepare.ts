import type { CreateCommand, FillCommand } from "./commands.ts";
import { requestBytes } from "./requests.ts";
import { sendAll } from "./send_all.ts";

const CREATE_CONNECTIONS = 16;
const FILL_BODY_BYTES = 256 * 1024;
const MESSAGE_BYTES = 256;

/** Creates the streams of a workload. */
export async function create(command: CreateCommand): Promise<void> {
  const headers = [["Content-Type", command.contentType]] as const;
  const requests = command.paths.map((path) => requestBytes(command.target, "PUT", path, headers));
  await sendAll(command.target, requests, Math.min(CREATE_CONNECTIONS, requests.length));
}

/** Fills a stream for readers: raw bytes, or JSON messages of 256 bytes. */
export async function fill(command: FillCommand): Promise<void> {
  const headers = [["Content-Type", command.contentType]] as const;
  const body = command.contentType === "application/json" ? jsonBatch() : byteBatch();
  const request = requestBytes(command.target, "POST", command.path, headers, body);
  const count = Math.ceil(command.bytes / FILL_BODY_BYTES);
  await sendAll(command.target, new Array<Uint8Array>(count).fill(request), 4);
}

function byteBatch(): Uint8Array {
  const bytes = new Uint8Array(FILL_BODY_BYTES);
  for (let at = 0; at < bytes.byteLength; at++) bytes[at] = (at * 131 + (at >> 8)) & 0xff;
  return bytes;
}

function jsonBatch(): Uint8Array {
  const messages: string[] = [];
  for (let index = 0; index < FILL_BODY_BYTES / MESSAGE_BYTES; index++) {
    const head = `{"n":${index},"text":"`;
    messages.push(`${head}${"x".repeat(MESSAGE_BYTES - head.length - 2)}"}`);
  }
  return new TextEncoder().encode(`[${messages.join(",")}]`);
}
