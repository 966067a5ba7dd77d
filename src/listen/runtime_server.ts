import { getLogger } from "@logtape/logtape";

/** The parts that the servers of Bun and of Deno have in common. */

const log = getLogger(["durable-streams", "http"]);

/** The response to a request whose handling has failed; the log says why. */
export function failedResponse(error: unknown): Response {
  log.error("request failed", { error });
  return new Response("Internal error.\n", { status: 500 });
}

/** Servers whose place another has taken, with a new certificate: they only end what they have begun. */
export class EndingServers {
  readonly #ending = new Set<Promise<void>>();

  /** @param ended resolves once the server has ended */
  add(ended: Promise<void>): void {
    const ending = ended.finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  /** Resolves once all have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#ending);
  }
}
