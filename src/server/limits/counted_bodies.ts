import type { Clock } from "../../env/clock.ts";
import type { HttpRequest } from "../../http/handler.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import type { BodyLimits } from "../body/limits.ts";
import { BodyReader } from "../body/reader.ts";
import type { ClientLimits } from "./client_limits.ts";

/** Reads bodies, and tells a client's limits how long they were. */
export class CountedBodies extends BodyReader {
  readonly #clients: ClientLimits;

  constructor(limits: BodyLimits, clock: Clock, clients: ClientLimits) {
    super(limits, clock);
    this.#clients = clients;
  }

  override receive(
    request: HttpRequest,
    received: (body: Bytes) => void,
    failed: (error: unknown) => void,
  ): void {
    super.receive(request, (body) => {
      this.#clients.received(request, body.length);
      received(body);
    }, failed);
  }
}
