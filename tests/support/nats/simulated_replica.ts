import { matchesSubject } from "./subject_pattern.ts";
import type { StoredMessage } from "../../../src/storage/nats/jetstream.ts";
import { partitionPoint } from "../../../src/storage/partition_point.ts";

/** A message as a replica has it. */
export interface HeldMessage extends StoredMessage {
  /** `Infinity` for never. */
  readonly untilMs: number;
}

/** What all replicas of a log do, one after the other. */
export type ReplicaEntry =
  | { readonly kind: "store"; readonly message: HeldMessage; readonly rollup: boolean }
  | { readonly kind: "purge"; readonly subject: string; readonly upToSequence: number };

/** What one server has of a log. */
export class SimulatedReplica {
  readonly #messagesPerSubject: number;
  readonly #bySequence = new Map<number, HeldMessage>();
  /** The sequences of each subject, in order. */
  readonly #bySubject = new Map<string, number[]>();

  constructor(messagesPerSubject = Infinity) {
    this.#messagesPerSubject = messagesPerSubject;
  }

  apply(entry: ReplicaEntry): void {
    if (entry.kind === "purge") return this.#purge(entry.subject, entry.upToSequence);
    const { message } = entry;
    const { subject, sequence } = message;
    if (entry.rollup) this.#purge(subject, sequence);
    const sequences = this.#bySubject.get(subject) ?? [];
    this.#bySubject.set(subject, sequences);
    sequences.push(sequence);
    this.#bySequence.set(sequence, message);
    while (sequences.length > this.#messagesPerSubject) this.#drop(subject, sequences[0] ?? 0);
  }

  /** Loses one message, and doesn't notice. */
  damage(sequence: number): void {
    const message = this.#bySequence.get(sequence);
    if (message !== undefined) this.#drop(message.subject, sequence);
  }

  at(sequence: number, nowMs: number): HeldMessage | undefined {
    const message = this.#bySequence.get(sequence);
    if (message === undefined || message.untilMs > nowMs) return message;
    this.#drop(message.subject, sequence);
    return undefined;
  }

  newest(subject: string, nowMs: number): HeldMessage | undefined {
    for (;;) {
      const sequence = this.#bySubject.get(subject)?.at(-1);
      if (sequence === undefined) return undefined;
      const message = this.at(sequence, nowMs);
      if (message !== undefined) return message;
    }
  }

  /** A subject's messages from a sequence on. */
  *from(subject: string, sequence: number, nowMs: number): Iterable<HeldMessage> {
    const sequences = this.#bySubject.get(subject) ?? [];
    const first = partitionPoint(sequences.length, (index) => (sequences[index] ?? 0) < sequence);
    for (const at of sequences.slice(first)) {
      const message = this.at(at, nowMs);
      if (message !== undefined) yield message;
    }
  }

  /** The subjects that have messages. */
  subjects(): Iterable<string> {
    return this.#bySubject.keys();
  }

  /** @param pattern of subjects, most often one */
  #purge(pattern: string, upToSequence: number): void {
    const subjects = /[*>]/.test(pattern)
      ? [...this.#bySubject.keys()].filter((subject) => matchesSubject(pattern, subject))
      : [pattern];
    for (const subject of subjects) {
      for (const sequence of [...this.#bySubject.get(subject) ?? []]) {
        if (sequence <= upToSequence) this.#drop(subject, sequence);
      }
    }
  }

  #drop(subject: string, sequence: number): void {
    this.#bySequence.delete(sequence);
    const sequences = this.#bySubject.get(subject);
    const at = sequences?.indexOf(sequence) ?? -1;
    if (sequences === undefined || at < 0) return;
    sequences.splice(at, 1);
    if (sequences.length === 0) this.#bySubject.delete(subject);
  }
}
