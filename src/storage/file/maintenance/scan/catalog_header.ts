/** What the catalogue's file begins with, as all of SQLite's do. */
export const CATALOG_MAGIC = "SQLite format 3\0";

/** How long its pages are; the header has it at byte 16, in two bytes. */
export const CATALOG_PAGE_BYTES = 4096;

/** A number in the header of a SQLite file, big-endian. */
export interface CatalogHeaderField {
  readonly name: string;
  readonly position: number;
  readonly bytes: 1 | 4;
  readonly value: number;
}

/** Numbers that are the same in every catalogue. */
export const CATALOG_HEADER_FIELDS: readonly CatalogHeaderField[] = [
  { name: "file format for writing", position: 18, bytes: 1, value: 2 },
  { name: "file format for reading", position: 19, bytes: 1, value: 2 },
  { name: "reserved bytes of a page", position: 20, bytes: 1, value: 0 },
  { name: "greatest part of an index page", position: 21, bytes: 1, value: 64 },
  { name: "least part of an index page", position: 22, bytes: 1, value: 32 },
  { name: "least part of a table page", position: 23, bytes: 1, value: 32 },
  { name: "schema format", position: 44, bytes: 4, value: 4 },
  { name: "vacuum mode", position: 52, bytes: 4, value: 0 },
  { name: "text encoding", position: 56, bytes: 4, value: 1 },
  { name: "user version", position: 60, bytes: 4, value: 0 },
  { name: "incremental vacuum", position: 64, bytes: 4, value: 0 },
  { name: "application id", position: 68, bytes: 4, value: 0 },
];
