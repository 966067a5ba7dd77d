import { Model, type ModelStream, type Outcome } from "../contract/model.ts";
import type { ForkStep, Operation } from "./operation.ts";

/** What one server after the other's requests would answer: the contract's model, in words. */
export class SequentialServer {
  readonly #model = new Model(() => 0);
  /** Forks without a name, and which may not hold on to anything any more. */
  readonly #held = new Map<number, ModelStream>();
  readonly #settled = new Set<number>();

  /** Carries out an operation; its answer. */
  respond(operation: Operation): string {
    const { name } = operation;
    switch (operation.kind) {
      case "create":
        return describe(
          this.#model.create(name, {
            json: false,
            closed: operation.closed,
            untilMs: Infinity,
            messages: operation.text === "" ? [] : [operation.text],
          }),
          ({ created, tail }) => `${created ? 201 : 200} ${tail}`,
        );
      case "fork":
        return this.#fork(name, operation.source);
      case "fork_step":
        return this.#step(operation);
      case "append":
        return describe(this.#model.append(name, operation.request), ({ tail, duplicate }) => {
          const { producer, messages } = operation.request;
          const isNewBatch = producer !== undefined && !duplicate && messages.length > 0;
          return `${isNewBatch ? 200 : 204} ${tail}`;
        });
      case "delete":
        return describe(this.#model.delete(name), () => "204");
      case "head":
        return describe(
          this.#model.visible(name),
          ({ text, closed }) => `200 ${text.length} ${closed}`,
        );
      case "read":
        return describe(this.#model.visible(name), ({ text }) => {
          if (operation.from > text.length) return "offset_past_tail";
          const rest = text.slice(operation.from);
          return `${operation.live && rest === "" ? 204 : 200} ${text.length} ${rest}`;
        });
    }
  }

  #fork(name: string, source: string): string {
    return describe(
      this.#model.fork(name, { source, offset: undefined, subOffset: 0 }),
      ({ created, tail }) => `${created ? 201 : 200} ${tail}`,
    );
  }

  #step({ step, fork, name, source }: ForkStep): string {
    if (this.#settled.has(fork)) return "";
    if (step === "hold") {
      const held = this.#model.hold({ source, offset: undefined, subOffset: 0 });
      if ("ok" in held) this.#held.set(fork, held.ok);
      return "";
    }
    const held = this.#held.get(fork);
    this.#held.delete(fork);
    if (step === "release") {
      if (held !== undefined) this.#model.release(held);
      return "";
    }
    this.#settled.add(fork);
    if (held !== undefined && this.#model.bind(name, held)) return `201 ${held.point}`;
    return this.#fork(name, source);
  }

  /** All that later answers depend on. */
  fingerprint(names: readonly string[]): string {
    const held = [...this.#held].map(([fork, { text }]) => [fork, text]);
    return JSON.stringify(held) + JSON.stringify(names.map((name) => {
      const stream = this.#model.find(name);
      if (stream === undefined) return null;
      const { text, closed, closedBy, seq, producers, isSoftlyDeleted, forks, fork } = stream;
      return [text, closed, closedBy, seq, [...producers], isSoftlyDeleted, forks, fork?.name];
    }));
  }
}

function describe<T>(outcome: Outcome<T>, words: (answer: T) => string): string {
  return "ok" in outcome ? words(outcome.ok) : outcome.refused;
}
