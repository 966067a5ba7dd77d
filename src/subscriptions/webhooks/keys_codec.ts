import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { type Bytes, decodeUtf8, encodeUtf8 } from "../../protocol/bytes.ts";
import { StreamError } from "../../protocol/errors.ts";
import { SEED_BYTES } from "./ed25519.ts";

/** The version of the file. */
export const KEYS_VERSION = 1;

/** The length of the secret that tokens are signed with. */
export const SECRET_BYTES = 32;

/** A key to sign webhooks with. Times are milliseconds since 1970. */
export interface StoredKey {
  readonly seed: Bytes;
  /** From when it signs; it is published before. */
  readonly signsFromMs: number;
  /** From when it signs no more, and another one does; `undefined` while there is no later one. */
  readonly signsUntilMs: number | undefined;
}

/** The content of the file. */
export interface StoredKeys {
  readonly tokenSecret: Bytes;
  /** Oldest first, at least one. */
  readonly keys: readonly StoredKey[];
}

const MAGIC = "durable-streams webhook keys";
const FILE =
  /^(durable-streams webhook keys\nversion (\d{1,9})\n((?:[^\n]*\n)*))crc32 ([0-9a-f]{8})\n$/;
const SECRET = new RegExp(`^secret ([0-9a-f]{${2 * SECRET_BYTES}})$`);
const KEY = new RegExp(
  `^key ([0-9a-f]{${2 * SEED_BYTES}}) from (\\d{1,15})(?: until (\\d{1,15}))?$`,
);

/** The file `webhook_keys`: lines of text, and their CRC-32 (FORMAT.md, "webhook_keys"). */
export function encodeKeys({ tokenSecret, keys }: StoredKeys): Bytes {
  const lines = keys.map(({ seed, signsFromMs, signsUntilMs }) => {
    const until = signsUntilMs === undefined ? "" : ` until ${signsUntilMs}`;
    return `key ${toHex(seed)} from ${signsFromMs}${until}\n`;
  });
  const body = `${MAGIC}\nversion ${KEYS_VERSION}\nsecret ${toHex(tokenSecret)}\n${lines.join("")}`;
  return encodeUtf8(`${body}crc32 ${crc32(body).toString(16).padStart(8, "0")}\n`);
}

/**
 * Reads what {@link encodeKeys} wrote.
 *
 * @throws {StreamError} `damaged`, where it isn't that or is of another version; nothing of the
 * file's content is in the message
 */
export function decodeKeys(bytes: Bytes): StoredKeys {
  const match = FILE.exec(decodeUtf8(bytes));
  if (match === null) throw unreadable("it isn't a file of keys, or was cut off");
  const [, body = "", version, content = "", crc = ""] = match;
  if (crc32(body) !== parseInt(crc, 16)) throw unreadable("it fails its checksum");
  if (Number(version) !== KEYS_VERSION) {
    throw unreadable(`it has version ${version}, and this program reads ${KEYS_VERSION}`);
  }
  const [first = "", ...rest] = content.trimEnd().split("\n");
  const secret = SECRET.exec(first)?.[1];
  const keys = rest.map((line) => parseKey(line));
  if (secret === undefined || keys.length === 0) throw unreadable("it has no secret or no key");
  return { tokenSecret: fromHex(secret), keys };
}

function parseKey(line: string): StoredKey {
  const [, seed, from, until] = KEY.exec(line) ?? [];
  if (seed === undefined) throw unreadable("a line in it isn't a key");
  return {
    seed: fromHex(seed),
    signsFromMs: Number(from),
    signsUntilMs: until === undefined ? undefined : Number(until),
  };
}

function unreadable(problem: string): StreamError {
  return new StreamError(
    { code: "damaged" },
    `The keys of webhooks (webhook_keys) can't be read: ${problem}. Restore the file from a copy of ` +
      "the directory; without one, remove it: new keys are made then, and the tokens of workers " +
      "that are at work are void.",
  );
}

function toHex(bytes: Bytes): string {
  return Buffer.from(bytes).toString("hex");
}

function fromHex(hex: string): Bytes {
  return new Uint8Array(Buffer.from(hex, "hex"));
}
