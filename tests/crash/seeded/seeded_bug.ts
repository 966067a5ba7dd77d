/** A change of one file's text. */
export interface Edit {
  /** Under `src/storage`. */
  file: string;
  /** Stands in it once. */
  from: string;
  to: string;
}

/** A bug to be planted on a copy of the source, which the crash tests have to find. */
export interface SeededBug {
  name: string;
  edits: readonly Edit[];
  /** Whether the histories that find it are those with subscriptions. */
  subscriptions?: true;
  /** Whether they are those of several front ends over a JetStream cluster. */
  nats?: true;
  /** The test that finds it, of `tests/crash/regression_test.ts` or of `file`; else the histories do. */
  test?: string;
  file?: string;
}
