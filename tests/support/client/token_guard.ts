import type { Clock } from "../../../src/env/clock.ts";

type Send = (url: string, init: RequestInit) => Response | Promise<Response>;

/** Why a token is no good any more. */
export type End = "expired" | "revoked";

/** What a guard does, beside refusing. */
export interface GuardOptions {
  /** How long a token is good for, in ms. */
  lifeMs: () => number;
  clock: () => Clock;
}

/**
 * Stands before a server and lets in who has a token that is good: others get 401, an SSE response whose
 * token's time is over ends with `credential-expired`, and a long-poll with a 204.
 */
export class TokenGuard {
  /** The tokens of the requests, in their order; `none` of one without. */
  readonly shown: string[] = [];
  /** How many requests were refused. */
  refused = 0;
  /** How many SSE responses ended with their token. */
  endedSse = 0;
  /** How many live requests wait, which over SSE have said where the stream ends. */
  open = 0;
  /** Tokens that are known and good for nothing. */
  readonly forbidden = new Set<string>();
  readonly #options: GuardOptions;
  readonly #good = new Map<string, { cancel: () => void; ends: Set<(end: End) => void> }>();
  #issued = 0;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** A new token, which is good from now on. */
  readonly issue = (): string => {
    const token = `token-${++this.#issued}`;
    const { clock, lifeMs } = this.#options;
    const cancel = clock().setTimer(lifeMs(), () => this.end(token, "expired"));
    this.#good.set(token, { cancel, ends: new Set() });
    return token;
  };

  /** How many tokens were issued. */
  get issued(): number {
    return this.#issued;
  }

  /** Ends a token. */
  end(token: string, end: End): void {
    const known = this.#good.get(token);
    this.#good.delete(token);
    known?.cancel();
    for (const listener of known?.ends ?? []) listener(end);
  }

  /** Ends all tokens. */
  endAll(end: End): void {
    for (const token of [...this.#good.keys()]) this.end(token, end);
  }

  /** The way through the guard. */
  readonly way = (send: Send): Send => async (url, init) => {
    const [, token] = /^Bearer (.+)$/.exec(new Headers(init.headers).get("authorization") ?? "") ??
      [];
    this.shown.push(token ?? "none");
    if (token !== undefined && this.forbidden.has(token)) {
      return new Response("no", { status: 403 });
    }
    const known = this.#good.get(token ?? "");
    if (known === undefined) {
      this.refused++;
      return new Response("who are you?", { status: 401 });
    }
    const live = new URL(url).searchParams.get("live");
    let listener = (_: End) => {};
    const ended = new Promise<End>((resolve) => listener = resolve);
    known.ends.add(listener);
    if (live === "long-poll") this.open++;
    const response =
      await (live === "long-poll"
        ? Promise.race([send(url, init), ended.then(() => emptyPoll(url))])
        : send(url, init));
    if (live !== "sse" || response.body === null) {
      known.ends.delete(listener);
      if (live === "long-poll") this.open--;
      return response;
    }
    const { status, headers } = response;
    return new Response(this.#untilEnded(response.body, ended), { status, headers });
  };

  /** The groups of events up to the token's end, and then the server's farewell. */
  #untilEnded(body: ReadableStream<Uint8Array>, ended: Promise<End>): ReadableStream<Uint8Array> {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    const encoder = new TextEncoder();
    let control = "";
    let text = "";
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        while (true) {
          const next = await Promise.race([ended, reader.read()]);
          if (typeof next === "string") {
            this.endedSse++;
            if (control !== "") this.open--;
            await reader.cancel();
            const farewell = `event: credential-expired\ndata: {"reason":"${next}"}\n\n`;
            controller.enqueue(encoder.encode(control + farewell));
            return controller.close();
          }
          if (next.done) {
            controller.enqueue(encoder.encode(text));
            return controller.close();
          }
          text += decoder.decode(next.value, { stream: true });
          const last = [...text.matchAll(/event: control\n(?:.+\n)+\n/g)].at(-1);
          if (last === undefined) continue;
          if (control === "") this.open++;
          [control] = last;
          // Never data without the control event that says where it ends.
          const end = last.index + control.length;
          controller.enqueue(encoder.encode(text.slice(0, end)));
          text = text.slice(end);
          return;
        }
      },
      cancel: (reason) => reader.cancel(reason),
    });
  }
}

/** A long-poll's empty answer. */
function emptyPoll(url: string): Response {
  const offset = new URL(url).searchParams.get("offset") ?? "";
  return new Response(null, {
    status: 204,
    headers: { "stream-next-offset": offset, "stream-up-to-date": "true" },
  });
}
