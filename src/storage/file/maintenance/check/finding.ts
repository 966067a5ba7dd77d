/** The kinds of damage in a directory at rest; docs/MAINTENANCE.md says what each means. */
export type FindingKind =
  /** LOCK can't be used as a lock. */
  | "lock"
  /** FORMAT isn't ours or fails its checksum. */
  | "format"
  /** A part of the directory isn't there: `wal`, `segments`, the catalogue, a log file. */
  | "part_missing"
  /** A log file's header fails its checksum, or has another number than the file's name. */
  | "log_header"
  /** A batch of the log that had been durable fails its checksum, or a record in one can't be read. */
  | "log_batch"
  /** Records are missing: between two files of the log, or between the log and the catalogue. */
  | "log_gap"
  /** A log file of another directory. */
  | "log_foreign"
  /** A log file isn't as long as files are made. */
  | "log_short"
  /** A record of the log contradicts the catalogue or the records before it. */
  | "log_record"
  /** SQLite can't read the catalogue, or says that its pages don't fit together. */
  | "catalog_unreadable"
  /** A table or an index of the catalogue is missing, or another one. */
  | "catalog_schema"
  /** The catalogue's state can't be right: its directory, position or next id. */
  | "catalog_state"
  /** The row of `state` fails its checksum or isn't there. */
  | "state_row"
  | "stream_row"
  | "segment_row"
  /** The row of a block fails its checksum, has no stream, or contradicts others. */
  | "block_row"
  | "producer_row"
  /** A snapshot's row fails its checksum, has no stream, or is of an offset past its stream's tail. */
  | "snapshot_row"
  | "subscription_row"
  /** A cursor's row fails its checksum, or contradicts the subscriptions and streams. */
  | "cursor_row"
  /** A fork's source isn't there, or its fork point isn't within it. */
  | "fork"
  /** The `.snap` of a snapshot isn't there. */
  | "snapshot_missing"
  /** The `.snap` of a snapshot has another length, or fails its checksum. */
  | "snapshot_body"
  /** The `.log` of a segment isn't there. */
  | "segment_missing"
  /** The `.log` of a segment is shorter than its row says. */
  | "segment_short"
  /** A block of a segment fails its checksum. */
  | "segment_block"
  /** The `.idx` of a segment isn't there. */
  | "index_missing"
  /** The `.idx` of a segment is shorter than its row says. */
  | "index_short"
  /** The header of an `.idx` fails its checksum, or names another segment. */
  | "index_header"
  /** An entry of an `.idx` fails its checksum, or doesn't follow the one before. */
  | "index_entry";

/** A stream that damage affects. */
export interface AffectedStream {
  readonly id: number;
  /** Undefined where its row can't be read. */
  readonly name?: string | undefined;
}

/** Offsets of a stream, `from` included, `to` not. */
export interface OffsetRange {
  readonly from: number;
  readonly to: number;
}

/** Damage: bytes that aren't the ones that were written there. */
export interface Finding {
  readonly kind: FindingKind;
  readonly path: string;
  /** Byte in the file; 0 for a row of the catalogue and for a whole file. */
  readonly position: number;
  /** What is wrong, without a full stop. */
  readonly message: string;
  readonly expected: string;
  readonly found: string;
  readonly stream?: AffectedStream | undefined;
  /** The offsets that it affects, where they are known: the stream's own, not those of its forks. */
  readonly range?: OffsetRange | undefined;
}

/** The kinds of notes: no damage, but worth a line. */
export type NoteKind =
  /** The newest batch of the log is torn: never acknowledged or damaged, which can't be told apart. */
  | "torn_tail"
  /** A file that belongs to nothing; the server removes it or uses it again. */
  | "left_over"
  /** Bytes after those that the row of a segment covers. */
  | "unused_bytes";

/** A leftover that a server corrects by itself. */
export interface Note {
  readonly kind: NoteKind;
  readonly path: string;
  readonly position: number;
  readonly message: string;
}

/** A result of a check. */
export type Found = Finding | Note;

/** Whether it is damage. */
export function isFinding(found: Found): found is Finding {
  return "expected" in found;
}

/** A finding as a line: `PATH:POSITION: what is wrong (expected …, found …); stream …`. */
export function describeFinding(finding: Finding): string {
  const { path, position, message, expected, found, stream, range } = finding;
  const damage = `${path}:${position}: ${message} (expected ${expected}, found ${found})`;
  return `${damage}${describeAffected(stream, range)}`;
}

/** The end of a line that names the stream: `; stream …, offsets …`, or nothing. */
export function describeAffected(stream?: AffectedStream, range?: OffsetRange): string {
  if (stream === undefined) return "";
  const named = stream.name === undefined
    ? `stream ${stream.id}`
    : `stream ${JSON.stringify(stream.name)} (${stream.id})`;
  return `; ${named}${range === undefined ? "" : `, offsets ${range.from}–${range.to}`}`;
}

/** A note as a line. */
export function describeNote({ path, position, message }: Note): string {
  return `${path}:${position}: ${message}`;
}
