import { HttpTransport } from "../../src/subscriptions/webhooks/http_transport.ts";
import { signWebhook } from "../../src/subscriptions/webhooks/signature.ts";
import { SigningKeys } from "../../src/subscriptions/webhooks/signing_keys.ts";
import { MemorySecrets } from "../../src/storage/memory/secrets.ts";
import { systemClock } from "../../src/env/clock.ts";

/** As long as the body of a wake of one stream. */
const BODY = new TextEncoder().encode(JSON.stringify({ padding: "x".repeat(680) }));
const SUBSCRIPTIONS = "/__ds/subscriptions/";

/** The webhooks of a handler without an engine: a signed POST for each append, by the server's own agent. */
export class SignedPosts {
  readonly #urls = new Map<string, string>();
  readonly #transport = new HttpTransport({ allowLoopback: true });
  readonly #keys = SigningKeys.open(new MemorySecrets(), systemClock);

  /** Whether a request creates a subscription. */
  static isSubscription({ method, url }: Request): boolean {
    return method === "PUT" && url.includes(SUBSCRIPTIONS);
  }

  /** Notes where what belongs to a subscription's streams is sent. */
  async register(request: Request): Promise<Response> {
    const root = request.url.slice(0, request.url.indexOf(SUBSCRIPTIONS));
    const { streams = [], webhook }: { streams?: string[]; webhook: { url: string } } =
      await request
        .json();
    for (const path of streams) this.#urls.set(`${root}/${path}`, webhook.url);
    return new Response(null, { status: 201 });
  }

  /** Sends what belongs to a stream, if anything does. */
  send(stream: string): void {
    const url = this.#urls.get(stream);
    if (url !== undefined) void this.#post(url);
  }

  async #post(url: string): Promise<void> {
    const signature = signWebhook((await this.#keys).active(), BODY, Date.now());
    const headers = { "content-type": "application/json", "webhook-signature": signature };
    const { signal } = new AbortController();
    await this.#transport.send({ url, headers, body: BODY, signal });
  }
}
