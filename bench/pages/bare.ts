/**
 * The least that pages with live streams can cost: a server that does nothing with a message but write it, as
 * the same bytes, to whoever follows its stream. What `main.ts` measures of it is the floor of this runtime.
 */
import { Buffer } from "node:buffer";
import { createServer, type Socket as TcpSocket } from "node:net";
import { bunRuntime, type BunSocket } from "../../src/listen/bun_runtime.ts";

/** What a follower has to be given. */
interface Sink {
  write(bytes: Uint8Array<ArrayBuffer>): unknown;
}

const HEAD_END = "\r\n\r\n";
const STREAM = /^(GET|POST|PUT) \/v1\/stream\/(\S+?)[? ]/;
const ofOne = new Map<string, Set<Sink>>();
const ofAll = new Set<Sink>();
let frames: { readonly stream: string; readonly frame: Buffer<ArrayBuffer> }[] = [];

/** What of a connection hasn't been understood yet. */
class Requests {
  readonly #sink: Sink;
  #text = "";

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  received(bytes: Uint8Array): void {
    this.#text += Buffer.from(bytes).toString("latin1");
    while (true) {
      const bodyStart = this.#text.indexOf(HEAD_END) + HEAD_END.length;
      if (bodyStart < HEAD_END.length) return;
      const head = this.#text.slice(0, bodyStart);
      const end = bodyStart + Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (this.#text.length < end) return;
      this.#serve(head, this.#text.slice(bodyStart, end));
      this.#text = this.#text.slice(end);
    }
  }

  closed(): void {
    ofAll.delete(this.#sink);
    for (const sinks of ofOne.values()) sinks.delete(this.#sink);
  }

  #serve(head: string, body: string): void {
    const [, method, stream = ""] = STREAM.exec(head) ?? [];
    if (method === "GET") {
      const sinks = ofOne.get(stream) ?? new Set();
      ofOne.set(stream, sinks.add(this.#sink));
    } else if (stream === "__ds/live") ofAll.add(this.#sink);
    else {
      this.#sink.write(Buffer.from("HTTP/1.1 204 No Content\r\n\r\n"));
      if (method === "POST") publish(stream, body);
      return;
    }
    this.#sink.write(Buffer.from("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"));
  }
}

/** What comes in one turn goes out together at its end. */
function publish(stream: string, body: string): void {
  if (frames.length === 0) setImmediate(flush);
  const event =
    `event: data\ndata:{"stream":"${stream}"}\ndata:${body}\n\nevent: control\ndata:{}\n\n`;
  frames.push({ stream, frame: Buffer.from(`${event.length.toString(16)}\r\n${event}\r\n`) });
}

function flush(): void {
  const all = Buffer.concat(frames.map(({ frame }) => frame));
  for (const sink of ofAll) sink.write(all);
  for (const { stream, frame } of frames) {
    for (const sink of ofOne.get(stream) ?? []) sink.write(frame);
  }
  frames = [];
}

function listenOnNet(): void {
  const server = createServer({ noDelay: true }, (socket: TcpSocket) => {
    const requests = new Requests(socket);
    socket.on("data", (bytes: Buffer) => requests.received(bytes));
    socket.on("error", () => {}).on("close", () => requests.closed());
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (address !== null && typeof address === "object") sayPort(address.port);
  });
}

function sayPort(port: number): void {
  console.log(`listening on http://127.0.0.1:${port}/v1/stream`);
}

const bun = bunRuntime();
if (bun === undefined) listenOnNet();
else {
  const listener = bun.listen<Requests>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket: BunSocket<Requests>) => void (socket.data = new Requests(socket)),
      data: (socket, bytes) => socket.data.received(bytes),
      drain() {},
      close: (socket) => socket.data.closed(),
      error() {},
    },
  });
  sayPort(listener.port ?? 0);
}
