import { type AskedServer, attempt } from "./killed_server.ts";
import type { Message } from "./writers.ts";

/** A reader that resumes where it stopped: whatever happens, it sees each message once, in order. */
export interface ResumingReader {
  readonly seen: Message[];
  /** Ends when the stream is closed. */
  run(server: AskedServer, stream: string): Promise<void>;
}

/** Long-polls from its last offset (PROTOCOL §5.7). */
export class LongPollReader implements ResumingReader {
  readonly seen: Message[] = [];
  #offset = "-1";

  async run(server: AskedServer, stream: string): Promise<void> {
    while (true) {
      const answer = await attempt(server, `${stream}?offset=${this.#offset}&live=long-poll`, {});
      if (answer === undefined) continue;
      if (answer.status === 200) {
        this.seen.push(...JSON.parse(new TextDecoder().decode(answer.body)));
      }
      this.#offset = answer.headers.get("stream-next-offset") ?? this.#offset;
      if (answer.headers.get("stream-closed") === "true") return;
    }
  }
}

/** Follows by SSE; data counts once its control event has come (PROTOCOL §5.8). */
export class SseReader implements ResumingReader {
  readonly seen: Message[] = [];
  #offset = "-1";
  #isClosed = false;

  async run(server: AskedServer, stream: string): Promise<void> {
    while (!this.#isClosed) {
      try {
        const response = await server.fetch(`${stream}?offset=${this.#offset}&live=sse`);
        if (response.ok && response.body !== null) await this.#follow(response.body);
        else await response.body?.cancel();
      } catch {
        // The connection was cut: the next one begins where the last control event said.
      }
    }
  }

  async #follow(body: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let buffered = "";
    let data: Message[] = [];
    for await (const text of body.pipeThrough(new TextDecoderStream())) {
      buffered += text;
      for (let end = buffered.indexOf("\n\n"); end >= 0; end = buffered.indexOf("\n\n")) {
        const event = buffered.slice(0, end);
        buffered = buffered.slice(end + 2);
        const lines = event.split("\n").filter((line) => line.startsWith("data:"));
        const payload = lines.map((line) => line.slice("data:".length)).join("\n");
        if (event.startsWith("event: data")) data = JSON.parse(payload);
        if (!event.startsWith("event: control")) continue;
        const control = JSON.parse(payload);
        this.seen.push(...data);
        data = [];
        this.#offset = control.streamNextOffset;
        this.#isClosed = control.streamClosed === true;
      }
    }
  }
}
