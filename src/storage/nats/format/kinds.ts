/** What the frames in the cluster are: none of these numbers is ever given to something else. */
export const KIND = {
  appends: 1,
  part: 2,
  forkAdded: 3,
  forkRemoved: 4,
  touched: 5,
  gone: 6,
  name: 16,
  tombstone: 17,
  snapshot: 32,
  identity: 48,
  shards: 49,
  ids: 50,
  probe: 51,
} as const;
