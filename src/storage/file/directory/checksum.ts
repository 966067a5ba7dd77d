import { crc32 } from "node:zlib";

/** The CRC-32 (IEEE) of `bytes`, continued from `seed`, which is the CRC of what came before. */
export function checksum(bytes: Uint8Array | string, seed = 0): number {
  // For empty memory without an address, such as an empty value of SQLite's, Node returns 0.
  return bytes.length === 0 ? seed : crc32(bytes, seed);
}
