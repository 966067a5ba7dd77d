/** One request as a client sent it, and what it was answered. */
export interface Exchange {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly status: number;
  readonly answerHeaders: Headers;
}

/** A `fetch` for a client that keeps what went over the wire, headers only. */
export class RecordingFetch {
  readonly exchanges: Exchange[] = [];
  readonly #asked: URL[] = [];
  #onChange: (() => void)[] = [];

  /** What the client is given as its `fetch`. */
  readonly fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const { method, url, headers } = new Request(input, { ...init, body: null });
    this.#asked.push(new URL(url));
    this.#tell();
    const answer = await fetch(input, init);
    const { status, headers: answerHeaders } = answer;
    this.exchanges.push({ method, url: new URL(url), headers, status, answerHeaders });
    this.#tell();
    return answer;
  };

  /** Waits until a request to such a URL has been sent. */
  async asked(matches: (url: URL) => boolean): Promise<void> {
    while (!this.#asked.some(matches)) await this.#change();
  }

  /** Waits until so many requests to such URLs have been answered. */
  async answered(matches: (url: URL) => boolean, times: number): Promise<void> {
    while (this.exchanges.filter(({ url }) => matches(url)).length < times) await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#onChange.push(resolve));
  }

  #tell(): void {
    for (const resolve of this.#onChange.splice(0)) resolve();
  }
}
