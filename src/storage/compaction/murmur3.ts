import type { Bytes } from "../../protocol/bytes.ts";

const C1 = 0x239b961b;
const C2 = 0xab0e9789;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93;

/**
 * MurmurHash3, x86, 128 bits: of a million keys two share one with a chance of 1 in 10^26. Whoever makes
 * two keys that do could as well have written under the one itself.
 *
 * @param lengthBytes how many of the bytes count
 * @param into takes the four words of the hash
 */
export function murmur3(
  bytes: Bytes,
  lengthBytes: number,
  seed: number,
  into: Uint32Array<ArrayBuffer>,
): void {
  let h1 = seed, h2 = seed, h3 = seed, h4 = seed;
  const blocks = lengthBytes & ~15;
  for (let at = 0; at < blocks; at += 16) {
    h1 ^= mixed(word(bytes, at), C1, 15, C2);
    h1 = Math.imul(rotated(h1, 19) + h2, 5) + 0x561ccd1b | 0;
    h2 ^= mixed(word(bytes, at + 4), C2, 16, C3);
    h2 = Math.imul(rotated(h2, 17) + h3, 5) + 0x0bcaa747 | 0;
    h3 ^= mixed(word(bytes, at + 8), C3, 17, C4);
    h3 = Math.imul(rotated(h3, 15) + h4, 5) + 0x96cd1c35 | 0;
    h4 ^= mixed(word(bytes, at + 12), C4, 18, C1);
    h4 = Math.imul(rotated(h4, 13) + h1, 5) + 0x32ac3b17 | 0;
  }
  h4 ^= mixed(tailWord(bytes, blocks + 12, lengthBytes), C4, 18, C1);
  h3 ^= mixed(tailWord(bytes, blocks + 8, lengthBytes), C3, 17, C4);
  h2 ^= mixed(tailWord(bytes, blocks + 4, lengthBytes), C2, 16, C3);
  h1 ^= mixed(tailWord(bytes, blocks, lengthBytes), C1, 15, C2);
  h1 ^= lengthBytes, h2 ^= lengthBytes, h3 ^= lengthBytes, h4 ^= lengthBytes;
  h1 = h1 + h2 + h3 + h4 | 0;
  h2 = h2 + h1 | 0, h3 = h3 + h1 | 0, h4 = h4 + h1 | 0;
  h1 = avalanche(h1), h2 = avalanche(h2), h3 = avalanche(h3), h4 = avalanche(h4);
  h1 = h1 + h2 + h3 + h4 | 0;
  into[0] = h1;
  into[1] = h2 + h1;
  into[2] = h3 + h1;
  into[3] = h4 + h1;
}

function mixed(word: number, first: number, bits: number, second: number): number {
  return Math.imul(rotated(Math.imul(word, first), bits), second);
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function avalanche(word: number): number {
  let mix = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return mix ^ (mix >>> 16);
}

function word(bytes: Bytes, at: number): number {
  return (bytes[at] ?? 0) | (bytes[at + 1] ?? 0) << 8 | (bytes[at + 2] ?? 0) << 16 |
    (bytes[at + 3] ?? 0) << 24;
}

/** As {@link word}, of bytes of which those from `end` on count as 0. */
function tailWord(bytes: Bytes, at: number, end: number): number {
  let found = 0;
  for (let i = 0; i < 4 && at + i < end; i++) found |= (bytes[at + i] ?? 0) << (8 * i);
  return found;
}
