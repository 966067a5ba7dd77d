/**
 * The query parameters of reads and listings (PROTOCOL §5.6), which messages and logs may show: any other of
 * a URL may be a secret.
 */
export const VISIBLE_PARAMETERS: readonly string[] = [
  "offset",
  "live",
  "cursor",
  "prefix",
  "after",
  "limit",
];
