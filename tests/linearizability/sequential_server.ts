import { Model, type Outcome } from "../contract/model.ts";
import type { Operation } from "./operation.ts";

/** What one server after the other's requests would answer: the contract's model, in words. */
export class SequentialServer {
  readonly #model = new Model(() => 0);

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
        return describe(
          this.#model.fork(name, { source: operation.source, offset: undefined, subOffset: 0 }),
          ({ created, tail }) => `${created ? 201 : 200} ${tail}`,
        );
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

  /** All that later answers depend on. */
  fingerprint(names: readonly string[]): string {
    return JSON.stringify(names.map((name) => {
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
