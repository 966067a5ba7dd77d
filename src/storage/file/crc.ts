import { crc32 } from "node:zlib";

/** The CRC-32 (IEEE) of `bytes`, going on from `seed`, which is the CRC of what came before. */
export function checksum(bytes: Uint8Array | string, seed = 0): number {
  return crc32(bytes, seed);
}
