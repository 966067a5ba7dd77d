import { encodeUtf8 } from "../../../protocol/bytes.ts";
import { checksum } from "./checksum.ts";

/** The version of everything in a directory. */
export const FORMAT_VERSION = 6;

/**
 * The versions that a start makes {@link FORMAT_VERSION} of: 5 has no blocks in the catalogue, 4 keeps all
 * of every stream, too, 3 doesn't count messages either, and 2 has no subscriptions.
 */
export const CONVERTED_VERSIONS: readonly number[] = [2, 3, 4, 5];

/** A FORMAT file is far shorter than this. */
export const FORMAT_LIMIT_BYTES = 4096;

/** The fields of a FORMAT file. */
export interface DirectoryFormat {
  version: number;
  uuid: string;
}

/** The FORMAT file: three lines of text and their CRC-32 (FORMAT.md, "FORMAT"). */
export function encodeFormat({ version, uuid }: DirectoryFormat): Uint8Array<ArrayBuffer> {
  const body = `durable-streams directory\nversion ${version}\nuuid ${uuid}\n`;
  return encodeUtf8(`${body}crc32 ${checksum(body).toString(16).padStart(8, "0")}\n`);
}

const FORMAT =
  /^(durable-streams directory\nversion (\d{1,9})\nuuid ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\n)crc32 ([0-9a-f]{8})\n$/;

/** The fields of a FORMAT file, `undefined` where it isn't one or fails its checksum. */
export function decodeFormat(bytes: Uint8Array<ArrayBuffer>): DirectoryFormat | undefined {
  const match = FORMAT.exec(new TextDecoder().decode(bytes));
  if (match === null) return undefined;
  const [, body = "", version, uuid = "", crc = ""] = match;
  if (checksum(body) !== parseInt(crc, 16)) return undefined;
  return { version: Number(version), uuid };
}
