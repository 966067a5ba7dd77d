import { crc32 } from "node:zlib";

/** The CRC-32 (IEEE) of `bytes`, going on from `seed`, which is the CRC of what came before. */
export function checksum(bytes: Uint8Array | string, seed = 0): number {
  // Of an empty part of memory without an address, such as an empty value of SQLite's, Node says 0.
  return bytes.length === 0 ? seed : crc32(bytes, seed);
}
