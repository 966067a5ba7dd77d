/** The figures that the server keeps a point a second of; null where it doesn't know one. */
export const SERIES_NAMES = [
  "appends",
  "bytes",
  "syncP50Ms",
  "syncP99Ms",
  "readers",
  "connections",
  "logBytes",
  "memoryBytes",
  "checkpointMs",
  "errors",
  "failures",
] as const;

/** One of {@link SERIES_NAMES}. */
export type SeriesName = (typeof SERIES_NAMES)[number];
