import type { JetStream } from "../../../src/storage/nats/jetstream.ts";
import type { CallFault, PublishFault, ReadFault } from "./faults.ts";
import { matchesSubject } from "./subject_pattern.ts";

/** Which calls a fault is for; all where nothing is given. */
export interface FaultTarget {
  /** A pattern of subjects. */
  readonly subject?: string;
  /** The front end that calls. */
  readonly by?: JetStream;
}

interface Scripted<T> {
  readonly fault: T;
  readonly target: FaultTarget;
}

/** What is to happen to the next calls, as tests say. */
export class FaultScript {
  readonly #publishes: Scripted<PublishFault>[] = [];
  readonly #reads: Scripted<ReadFault>[] = [];
  readonly #calls: Scripted<CallFault>[] = [];
  readonly #notices: Scripted<"lost">[] = [];

  /** How many of them haven't happened yet. */
  get pending(): number {
    return this.#publishes.length + this.#reads.length + this.#calls.length +
      this.#notices.length;
  }

  /** Happens to the next publish of the target; where that has several of them, to the first said. */
  nextPublish(fault: PublishFault, target: FaultTarget = {}): void {
    this.#publishes.push({ fault, target });
  }

  /** Happens to the next question for messages, or for a subject's newest one. */
  nextRead(fault: ReadFault, target: FaultTarget = {}): void {
    this.#reads.push({ fault, target });
  }

  /** Happens to the next call of the target. */
  nextCall(fault: CallFault, target: FaultTarget = {}): void {
    this.#calls.push({ fault, target });
  }

  /** The next notice is lost. */
  loseNotice(target: FaultTarget = {}): void {
    this.#notices.push({ fault: "lost", target });
  }

  takePublish(by: JetStream, subject: string): PublishFault | undefined {
    return take(this.#publishes, by, subject);
  }

  takeRead(by: JetStream, subject: string): ReadFault | undefined {
    return take(this.#reads, by, subject);
  }

  takeCall(by: JetStream, subject: string): CallFault | undefined {
    return take(this.#calls, by, subject);
  }

  takeNotice(by: JetStream, subject: string): boolean {
    return take(this.#notices, by, subject) !== undefined;
  }
}

function take<T>(scripted: Scripted<T>[], by: JetStream, subject: string): T | undefined {
  const at = scripted.findIndex(({ target }) =>
    (target.by === undefined || target.by === by) &&
    (target.subject === undefined || matchesSubject(target.subject, subject))
  );
  return at < 0 ? undefined : scripted.splice(at, 1)[0]?.fault;
}
