import { runClosedLoop } from "./closed_loop.ts";
import { AppendRequest } from "./append_request.ts";
import type { AppendCommand, Measurement } from "./commands.ts";
import type { Connection } from "./connection.ts";
import { bodyOf, clusterFigures } from "./figures.ts";
import { runPaced } from "./paced.ts";

/** Appends to the streams in turn, each connection to its own share of them. */
export async function append(command: AppendCommand): Promise<Measurement> {
  const senders = Array.from(
    { length: command.connections },
    (_, connection) => new Sender(command, connection),
  );
  const load = {
    next(connection: Connection) {
      return senders[connection.index]?.next();
    },
    check(connection: Connection) {
      const { status } = connection.response;
      return status === 204 || status === 200 ? undefined : `append answered ${status}`;
    },
  };
  const { pace } = command;
  if (pace !== undefined) return await runPaced(command, pace, load);
  const result = await runClosedLoop(command, load);
  return { ...result, units: result.responses, figures: clusterFigures(result, result.responses) };
}

/**
 * One connection's appends. It has streams of its own as long as there are enough for all, so that a
 * producer's sequence goes up by one in each of them.
 */
class Sender {
  readonly #request: AppendRequest;
  readonly #first: number;
  readonly #step: number;
  readonly #own: number;
  #turn = 0;

  constructor(command: AppendCommand, connection: number) {
    const { streams, connections, target, contentType, producers } = command;
    this.#request = new AppendRequest({
      target,
      streams,
      contentType,
      connection,
      body: bodyOf(contentType, command.bodyBytes),
      producer: producers ? `bench-${connection}` : undefined,
    });
    this.#first = connection % streams.count;
    this.#step = connections;
    this.#own = Math.max(1, Math.ceil((streams.count - connection) / connections));
  }

  next(): Uint8Array {
    const seq = Math.floor(this.#turn / this.#own);
    const index = this.#first + (this.#turn % this.#own) * this.#step;
    this.#turn++;
    return this.#request.to(index, seq);
  }
}
