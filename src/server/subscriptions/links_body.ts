import type { FrameSink, LiveBody } from "../../http/handler.ts";
import { encodeUtf8 } from "../../protocol/bytes.ts";
import type { LinkPage } from "../../storage/subscription_store.ts";
import { yieldToEventLoop } from "../../storage/yield_to_event_loop.ts";
import { linkJson } from "./subscription_json.ts";

const LIMIT_BYTES = 64 * 1024;

/** What a {@link LinksBody} is made from. */
export interface LinksBodyParts {
  /** All of the JSON up to the first link, and from behind the last one on. */
  readonly before: string;
  readonly after: string;
  readonly first: LinkPage;
  page(after: string): Promise<LinkPage>;
}

/** A body with very many links: they are looked up while the client takes them, and others get their turns. */
export class LinksBody implements LiveBody {
  readonly limitBytes = LIMIT_BYTES;
  readonly #parts: LinksBodyParts;
  #sink: FrameSink | undefined;
  #next: string | undefined;
  #isPumping = false;

  constructor(parts: LinksBodyParts) {
    this.#parts = parts;
    this.#next = parts.first.next;
  }

  attach(sink: FrameSink): void {
    this.#sink = sink;
    const { before, first } = this.#parts;
    sink.write(encodeUtf8(before + linksJson(first)));
    void this.#pump();
  }

  drained(): void {
    void this.#pump();
  }

  disconnected(): void {
    this.#sink = undefined;
  }

  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      while (this.#sink !== undefined && this.#sink.queuedBytes < LIMIT_BYTES) {
        if (this.#next === undefined) return this.#end();
        const page = await this.#parts.page(this.#next);
        this.#next = page.next;
        if (page.links.length > 0) this.#sink?.write(encodeUtf8(`,${linksJson(page)}`));
        await yieldToEventLoop();
      }
    } catch (error) {
      // The subscription was deleted meanwhile: a body that is cut off tells the client.
      this.#sink?.destroy(error instanceof Error ? error : new Error(String(error)));
      this.#sink = undefined;
    } finally {
      this.#isPumping = false;
    }
  }

  #end(): void {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.write(encodeUtf8(this.#parts.after));
    sink?.end();
  }
}

/** The links of a page as JSON has them, without brackets. */
export function linksJson({ links }: LinkPage): string {
  return links.map((link) => JSON.stringify(linkJson(link))).join(",");
}
