import type { Bytes } from "../protocol/bytes.ts";
import type { File } from "./file_system.ts";

/** A part of a file: for the runtime to send (`fileBlob`), or for a socket to take. */
export type FileBody = Blob | FileSlice;

/** Which of them. */
export type FileBodyKind = "blob" | "slice";

/** Shorter bodies cost no more as bytes of their own. */
export const MIN_FILE_BODY_BYTES: Readonly<Record<FileBodyKind, number>> = {
  blob: 256 * 1024,
  slice: 32 * 1024,
};

/** A part of an open file that a socket sends from the page cache: it stays open until it is released. */
export interface FileSlice {
  readonly file: SendableFile;
  /** Where it begins in the file, and where it ends. */
  readonly start: number;
  readonly end: number;
  /**
   * The bytes from `start` up to `end` with memory of their own, where this one's is only lent, for what
   * has to wait.
   */
  copied?(start: number, end: number): FileSlice;
  /** Says that nobody sends it any more; saying so again does nothing. */
  release(): void;
}

/**
 * A file that can be sent so: by the system where it has `sendTo`, as it lies where it is in memory, else
 * by reading it.
 */
export interface SendableFile extends Pick<File, "path" | "readSync" | "sendTo"> {
  /** The bytes from `position` on where they lie, up to `end` or fewer; valid until the slice is released. */
  viewAt?(position: number, end: number): Bytes;
}

/** How many bytes a body has. */
export function bodyLength(body: Bytes | FileBody): number {
  if (body instanceof Uint8Array) return body.length;
  return body instanceof Blob ? body.size : body.end - body.start;
}

/** Whether a body is a part of an open file. */
export function isFileSlice(body: unknown): body is FileSlice {
  return typeof body === "object" && body !== null && "release" in body && "file" in body;
}
