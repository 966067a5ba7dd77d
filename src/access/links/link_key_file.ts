import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import type { FileSystem } from "../../env/file_system.ts";
import { type Bytes, decodeUtf8, encodeUtf8 } from "../../protocol/bytes.ts";
import { AccessError } from "../access_error.ts";
import { updatePrivateFile } from "../private_file.ts";
import { readSmallFile } from "../watched_file.ts";
import type { LinkKey } from "./link.ts";

/** What a link key file is called in messages. */
export const LINK_KEY_FILE = "link key file";

const FORMAT = "durable-streams link keys";
/** The one that signs, and the one before it. */
const KEYS_LIMIT = 2;

/** The bytes of a file with these keys; the first signs. */
export function encodeLinkKeys(keys: readonly LinkKey[]): Bytes {
  const plain = keys.map(({ kid, secret }) => ({ kid, secret }));
  return encodeUtf8(`${JSON.stringify({ format: FORMAT, version: 1, keys: plain }, null, 2)}\n`);
}

/**
 * The keys of a file, the one that signs first.
 *
 * @throws {AccessError} naming the field
 */
export function decodeLinkKeys(bytes: Uint8Array, path: string): LinkKey[] {
  let value: unknown;
  try {
    value = JSON.parse(decodeUtf8(bytes));
  } catch {
    // The engine's message would quote a secret.
  }
  const { format, version, keys } = fieldsOf(value);
  if (format !== FORMAT || version !== 1) {
    throw new AccessError(`${path} is no ${LINK_KEY_FILE} of this version.`);
  }
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > KEYS_LIMIT) {
    throw new AccessError(
      `keys of the ${LINK_KEY_FILE} ${path} is wrong: expected one or two keys.`,
    );
  }
  const decoded = keys.map((key: unknown, index) => decodeKey(key, `keys[${index}]`, path));
  if (new Set(decoded.map(({ kid }) => kid)).size < decoded.length) {
    throw new AccessError(`keys of the ${LINK_KEY_FILE} ${path} have the same kid.`);
  }
  return decoded;
}

function decodeKey(key: unknown, field: string, path: string): LinkKey {
  const { kid, secret } = fieldsOf(key);
  const isKey = typeof kid === "string" && typeof secret === "string" &&
    /^[\w-]{1,32}$/.test(kid) &&
    Buffer.from(secret, "base64url").length >= 32;
  if (isKey) return { kid, secret };
  throw new AccessError(
    `${field} of the ${LINK_KEY_FILE} ${path} is wrong: expected a kid of letters, digits, - and _, and a ` +
      "secret of at least 32 bytes in base64url.",
  );
}

/**
 * The keys of a file, which is made where there is none.
 *
 * @throws {AccessError}
 */
export async function openLinkKeys(fileSystem: FileSystem, path: string): Promise<LinkKey[]> {
  if (!exists(fileSystem, path)) {
    await updatePrivateFile(
      fileSystem,
      path,
      () => exists(fileSystem, path) ? undefined : encodeLinkKeys([createLinkKey()]),
    );
  }
  return decodeLinkKeys(readSmallFile(fileSystem, path, LINK_KEY_FILE), path);
}

/**
 * Puts a new key in front of the one that signs; the one before that is forgotten, and its links with it.
 *
 * @throws {AccessError}
 */
export async function rotateLinkKeys(fileSystem: FileSystem, path: string): Promise<void> {
  await updatePrivateFile(fileSystem, path, () => {
    if (!exists(fileSystem, path)) return encodeLinkKeys([createLinkKey()]);
    const keys = decodeLinkKeys(readSmallFile(fileSystem, path, LINK_KEY_FILE), path);
    return encodeLinkKeys([createLinkKey(), ...keys.slice(0, KEYS_LIMIT - 1)]);
  });
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function createLinkKey(): LinkKey {
  return {
    kid: randomBytes(6).toString("base64url"),
    secret: randomBytes(32).toString("base64url"),
  };
}

function exists(fileSystem: FileSystem, path: string): boolean {
  const [, folder = "", name = path] = /^(.*[\\/])?([^\\/]*)$/.exec(path) ?? [];
  return fileSystem.list(folder === "" ? "." : folder)?.includes(name) ?? false;
}
