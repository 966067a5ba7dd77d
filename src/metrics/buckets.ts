/** Bounds for the records of one batch of the log. */
export const BATCH_RECORDS: readonly number[] = [
  1,
  2,
  4,
  8,
  16,
  32,
  64,
  128,
  256,
  512,
  1024,
  2048,
  4096,
];

/** Bounds for one sync of the log, in seconds: from a device with a cache of its own to one that hangs. */
export const SYNC_SECONDS: readonly number[] = [
  0.000_05,
  0.000_1,
  0.000_25,
  0.000_5,
  0.001,
  0.002_5,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  10,
];

/** Bounds for one checkpoint, in seconds. */
export const CHECKPOINT_SECONDS: readonly number[] = [
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  30,
  60,
  300,
];

/** Bounds for one request until its response begins, in seconds. */
export const REQUEST_SECONDS: readonly number[] = [
  0.000_25,
  0.001,
  0.002_5,
  0.005,
  0.01,
  0.025,
  0.1,
  0.5,
  2.5,
  10,
];
