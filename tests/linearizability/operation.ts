import type { ModelAppend } from "../contract/model.ts";

/** What a client asks for; all streams are text, so that offsets are lengths. */
export type Operation =
  | {
    readonly kind: "create";
    readonly name: string;
    readonly text: string;
    readonly closed: boolean;
  }
  | { readonly kind: "fork"; readonly name: string; readonly source: string }
  | ForkStep
  | { readonly kind: "append"; readonly name: string; readonly request: ModelAppend }
  | { readonly kind: "delete"; readonly name: string }
  | { readonly kind: "head"; readonly name: string }
  /** The stream from an offset on: a catch-up, or one that waits. */
  | { readonly kind: "read"; readonly name: string; readonly from: number; readonly live: boolean };

/**
 * A part of a fork that isn't made in one step: it holds on to its source, and later it gets its name, which
 * is its answer, or it lets go. The steps of one fork have its number.
 */
export interface ForkStep {
  readonly kind: "fork_step";
  readonly step: "hold" | "bind" | "release";
  readonly fork: number;
  readonly name: string;
  readonly source: string;
}

/** One operation of a history, with its answer, in words that the model gives as well. */
export interface Call {
  readonly client: number;
  readonly operation: Operation;
  /** Where it began and ended in the history's order of events; `Infinity` without an answer. */
  readonly start: number;
  readonly end: number;
  /** Without one it has happened, happens yet, or never does. */
  readonly response: string | undefined;
}

/** A line for a person. */
export function describeCall({ client, operation, start, end, response }: Call): string {
  const { kind, name, ...rest } = operation;
  const what = `${kind} ${name} ${JSON.stringify(rest)}`;
  return `${String(start).padStart(4)} ${String(end).padStart(4)}  client ${client}  ${what}  ->  ${
    response ?? "no answer"
  }`;
}
