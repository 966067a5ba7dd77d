import { join } from "node:path";

/** The paths in a directory. No user's name becomes a path: here streams are ids. */
export interface DirectoryPaths {
  readonly root: string;
  readonly lock: string;
  readonly format: string;
  readonly log: string;
  readonly catalog: string;
  readonly segments: string;
  /** The bodies of snapshots. */
  readonly snapshots: string;
  readonly ballast: string;
  /** The keys of webhooks and tokens. */
  readonly secrets: string;
  /** Held while a backup runs. */
  readonly pins: { readonly log: string; readonly segments: string };
}

/** The paths of a directory. */
export function directoryPaths(root: string): DirectoryPaths {
  return {
    root,
    lock: join(root, "LOCK"),
    format: join(root, "FORMAT"),
    log: join(root, "wal"),
    catalog: join(root, "catalog.sqlite"),
    segments: join(root, "segments"),
    snapshots: join(root, "snapshots"),
    ballast: join(root, "ballast"),
    secrets: join(root, "webhook_keys"),
    pins: { log: join(root, "PIN-LOG"), segments: join(root, "PIN") },
  };
}

/** What a segment's files are named by. */
export interface SegmentName {
  readonly streamId: number;
  readonly base: number;
  readonly generation: number;
}

/** The folder of a stream's segments: 256 of them, by the id's last byte. */
export function segmentFolder(segments: string, streamId: number): string {
  return join(segments, (streamId % 256).toString(16).padStart(2, "0"));
}

/** A segment's two files, named by its stream's id, its first offset and how often it was written anew. */
export function segmentPaths(
  segments: string,
  streamId: number,
  base: number,
  generation = 0,
): { log: string; index: string } {
  const id = streamId.toString(16).padStart(16, "0");
  const suffix = generation === 0 ? "" : `.g${generation}`;
  const stem = join(
    segmentFolder(segments, streamId),
    `${id}-${base.toString().padStart(20, "0")}${suffix}`,
  );
  return { log: `${stem}.log`, index: `${stem}.idx` };
}

/** Which segment a file is of by its name, `undefined` for any other name. */
export function parseSegmentName(name: string): SegmentName | undefined {
  const match = /^([0-9a-f]{16})-(\d{20})(?:\.g([1-9]\d{0,14}))?\.(?:log|idx)$/.exec(name);
  if (match === null) return undefined;
  const [, id = "", base, generation = 0] = match;
  return { streamId: parseInt(id, 16), base: Number(base), generation: Number(generation) };
}

/** The folder of a stream's snapshots: as {@link segmentFolder}. */
export function snapshotFolder(snapshots: string, streamId: number): string {
  return segmentFolder(snapshots, streamId);
}

/** The file of a snapshot's body, named by its stream's id and its number. */
export function snapshotPath(snapshots: string, streamId: number, number: number): string {
  const [id, of] = [streamId, number].map((each) => each.toString(16).padStart(16, "0"));
  return join(snapshotFolder(snapshots, streamId), `${id}-${of}.snap`);
}

/** The stream and the number in such a file's name, `undefined` for any other name. */
export function parseSnapshotName(
  name: string,
): { streamId: number; number: number } | undefined {
  const match = /^([0-9a-f]{16})-([0-9a-f]{16})\.snap$/.exec(name);
  if (match === null) return undefined;
  return { streamId: parseInt(match[1] ?? "", 16), number: parseInt(match[2] ?? "", 16) };
}
