/** What can be wrong with a directory at rest; docs/MAINTENANCE.md says what each means. */
export type FindingKind =
  /** LOCK can't be used as a lock. */
  | "lock"
  /** FORMAT isn't ours, doesn't check or has another version. */
  | "format"
  /** A part of the directory isn't there: `wal`, `segments`, the catalogue, a log file. */
  | "part_missing"
  /** A log file's header doesn't check, or has another number than the file's name. */
  | "log_header"
  /** A batch of the log that had been on disk doesn't check, or a record in one can't be read. */
  | "log_batch"
  /** Records are missing: between two files of the log, or between the log and the catalogue. */
  | "log_gap"
  /** A log file of another directory. */
  | "log_foreign"
  /** A log file isn't as long as files are made. */
  | "log_short"
  /** A record of the log doesn't fit on what the catalogue and the records before it say. */
  | "log_record"
  /** SQLite can't read the catalogue, or says that its pages don't fit together. */
  | "catalog_unreadable"
  /** A table or an index of the catalogue is missing, or another one. */
  | "catalog_schema"
  /** The catalogue's state says what can't be: its directory, position or next id. */
  | "catalog_state"
  /** The row of `state` doesn't check or isn't there. */
  | "state_row"
  | "stream_row"
  | "segment_row"
  | "producer_row"
  /** A fork's source isn't there, or its fork point isn't within it. */
  | "fork"
  /** The `.log` of a segment isn't there. */
  | "segment_missing"
  /** The `.log` of a segment is shorter than its row says. */
  | "segment_short"
  /** A block of a segment doesn't check. */
  | "segment_block"
  /** The `.idx` of a segment isn't there. */
  | "index_missing"
  /** The `.idx` of a segment is shorter than its row says. */
  | "index_short"
  /** The header of an `.idx` doesn't check, or names another segment. */
  | "index_header"
  /** An entry of an `.idx` doesn't check, or doesn't follow the one before. */
  | "index_entry";

/** A stream that damage touches. */
export interface AffectedStream {
  readonly id: number;
  /** Where its row can be read. */
  readonly name?: string | undefined;
}

/** Offsets of a stream, `from` included, `to` not. */
export interface OffsetRange {
  readonly from: number;
  readonly to: number;
}

/** Damage: something that isn't what was written there. */
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
  /** What of the stream it touches, where that is known: own offsets, not those of its forks. */
  readonly range?: OffsetRange | undefined;
}

/** What isn't damage, but worth a line. */
export type NoteKind =
  /** The newest batch of the log is torn: it was never acknowledged, or it is damaged; nothing tells. */
  | "torn_tail"
  /** A file that belongs to nothing; the server removes it or uses it again. */
  | "left_over"
  /** Bytes behind what the row of a segment says. */
  | "unused_bytes";

/** Something that a server puts right by itself. */
export interface Note {
  readonly kind: NoteKind;
  readonly path: string;
  readonly position: number;
  readonly message: string;
}

/** What a check comes upon. */
export type Found = Finding | Note;

/** Whether it is damage. */
export function isFinding(found: Found): found is Finding {
  return "expected" in found;
}

/** The line that says it: `PATH:POSITION: what is wrong (expected …, found …); stream …`. */
export function describeFinding(finding: Finding): string {
  const { path, position, message, expected, found, stream, range } = finding;
  const place = `${path}:${position}: ${message} (expected ${expected}, found ${found})`;
  return `${place}${describeAffected(stream, range)}`;
}

/** The end of a line that says which stream it is about: `; stream …, offsets …`, or nothing. */
export function describeAffected(stream?: AffectedStream, range?: OffsetRange): string {
  if (stream === undefined) return "";
  const who = stream.name === undefined
    ? `stream ${stream.id}`
    : `stream ${JSON.stringify(stream.name)} (${stream.id})`;
  return `; ${who}${range === undefined ? "" : `, offsets ${range.from}–${range.to}`}`;
}

/** The line that says it. */
export function describeNote({ path, position, message }: Note): string {
  return `${path}:${position}: ${message}`;
}
