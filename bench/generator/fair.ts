import { AppendRequest } from "./append_request.ts";
import type { FairCommand, Measurement } from "./commands.ts";
import { Connection, type Driver } from "./connection.ts";
import { bodyOf } from "./figures.ts";
import { runPaced } from "./paced.ts";

const TOO_MANY = 429;

/** One client within its limit, beside another that does all it can. */
export async function fair(command: FairCommand): Promise<Measurement> {
  const modest = requestOf(command, "198.51.100.1");
  const greedy = new GreedyClient(command);
  await greedy.start();
  try {
    const result = await runPaced(command, command.pace, {
      next: () => modest.to(0),
      check: ({ response: { status } }) => status === 204 ? undefined : `append answered ${status}`,
    });
    return { ...result, figures: greedy.figures() };
  } finally {
    greedy.stop();
  }
}

/** Sends on each connection as soon as there is an answer, whatever it says. */
class GreedyClient implements Driver<Connection> {
  readonly #command: FairCommand;
  readonly #request: AppendRequest;
  readonly #connections: Connection[] = [];
  #startedAt = 0;
  #answers = 0;
  #refusals = 0;
  #isStopped = false;

  constructor(command: FairCommand) {
    this.#command = command;
    this.#request = requestOf(command, "198.51.100.2");
  }

  async start(): Promise<void> {
    const { target, greedyConnections } = this.#command;
    for (let index = 0; index < greedyConnections; index++) {
      this.#connections.push(await Connection.open(target, index, this));
    }
    this.#startedAt = performance.now();
    for (const connection of this.#connections) this.#send(connection);
  }

  stop(): void {
    this.#isStopped = true;
    for (const connection of this.#connections) connection.close();
  }

  /** A second, since the start. */
  figures(): Readonly<Record<string, number>> {
    if (this.#connections.length === 0) return {};
    const seconds = (performance.now() - this.#startedAt) / 1000;
    return {
      "appends/s of the greedy one": (this.#answers - this.#refusals) / seconds,
      "refusals/s": this.#refusals / seconds,
    };
  }

  responded(connection: Connection): void {
    this.#answers++;
    if (connection.response.status === TOO_MANY) this.#refusals++;
    if (!this.#isStopped) this.#send(connection);
  }

  failed(): void {
    this.#answers++;
  }

  #send(connection: Connection): void {
    connection.send(this.#request.to(1), 0);
  }
}

function requestOf(command: FairCommand, address: string): AppendRequest {
  const { target, streams, contentType, bodyBytes } = command;
  const headers = [["X-Forwarded-For", address]] as const;
  const body = bodyOf(contentType, bodyBytes);
  return new AppendRequest({ target, streams, contentType, body, headers, connection: 0 });
}
