import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { groupOf, makeLogs, untilReachable } from "./logs.ts";
import type { Appender, AppenderParts } from "./load.ts";

const INBOX = "_INBOX.bench";
const LINE_END = "\r\n";
const OPTIONS = '{"verbose":false,"pedantic":false,"lang":"bench","version":"1","protocol":1}';

/** Publishes groups over a bare socket: the least that a client can do, with one inbox for all answers. */
export async function wireAppender(parts: AppenderParts): Promise<Appender> {
  const { jetStream, places } = await makeLogs(parts);
  await jetStream.close();
  const wire = new BareWire(await connected(parts.urls[0] ?? ""));
  const payload = groupOf(parts.load);
  await untilReachable(places, (subject) => wire.publish(subject, 0, payload));
  return {
    appendsPerCall: parts.load.group,
    calls: places.length,
    append: (index) => wire.publish(places[index]?.subject ?? "", index, payload),
    messages: () => wire.messages,
    close: () => Promise.resolve(wire.close()),
  };
}

function connected(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
  });
}

interface Waiting {
  resolve(): void;
  reject(error: Error): void;
}

/** One connection, as a server reads it. */
class BareWire {
  messages = 0;
  readonly #socket: Socket;
  readonly #waiting: (Waiting | undefined)[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #isCorked = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => this.#read(bytes));
    socket.write(`CONNECT ${OPTIONS}${LINE_END}SUB ${INBOX}.* 1${LINE_END}`);
  }

  /** @param index of the one publish that may be under way by it */
  publish(subject: string, index: number, payload: Uint8Array): Promise<void> {
    const socket = this.#socket;
    if (!this.#isCorked) {
      this.#isCorked = true;
      socket.cork();
      queueMicrotask(() => {
        this.#isCorked = false;
        socket.uncork();
      });
    }
    socket.write(`PUB ${subject} ${INBOX}.${index} ${payload.length}${LINE_END}`);
    socket.write(payload);
    socket.write(LINE_END);
    return new Promise((resolve, reject) => this.#waiting[index] = { resolve, reject });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(bytes: Buffer): void {
    let rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    for (let end = rest.indexOf(LINE_END); end >= 0; end = rest.indexOf(LINE_END)) {
      const line = rest.toString("latin1", 0, end);
      const lineBytes = end + LINE_END.length;
      if (line.startsWith("MSG ")) {
        const [, subject = "", , length] = line.split(" ");
        const messageBytes = lineBytes + Number(length) + LINE_END.length;
        if (rest.length < messageBytes) break;
        this.#answered(subject, rest.subarray(lineBytes, lineBytes + Number(length)));
        rest = rest.subarray(messageBytes);
        continue;
      }
      if (line === "PING") this.#socket.write(`PONG${LINE_END}`);
      rest = rest.subarray(lineBytes);
    }
    this.#rest = rest;
  }

  #answered(subject: string, answer: Buffer): void {
    const index = Number(subject.slice(INBOX.length + 1));
    const waiting = this.#waiting[index];
    this.#waiting[index] = undefined;
    // "No responders" is a message with headers, and has another name: nobody waits for it here.
    if (answer.includes('"error"')) return waiting?.reject(new Error(answer.toString()));
    this.messages++;
    waiting?.resolve();
  }
}
