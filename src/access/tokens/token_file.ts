import { decodeUtf8, encodeUtf8 } from "../../protocol/bytes.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { quote } from "../../protocol/errors.ts";
import { AccessError } from "../access_error.ts";
import { FILE_LIMIT_BYTES } from "../watched_file.ts";
import { parseGrantTemplate } from "../grant_template.ts";

/**
 * The bytes of a token file: JSON, an object a line. The first line is the header, each other one a token;
 * so every defect has a line.
 */

/** What a token file says of one token. Times are milliseconds since 1970. */
export interface TokenRecord {
  /** What it is called: in `token list`, and to revoke it by. */
  readonly id: string;
  /** SHA-256 of the token, in hexadecimal digits. */
  readonly sha256: string;
  /** Who has it. */
  readonly subject: string;
  /** Lines `VERBS PATTERN`, where `{sub}` is the subject. */
  readonly grants: readonly string[];
  readonly createdAtMs: number;
  readonly expiresAtMs?: number;
  readonly revokedAtMs?: number;
}

const HEADER = { format: "durable-streams tokens", version: 1 };
const FIELDS: ReadonlySet<string> = new Set([
  "id",
  "sha256",
  "subject",
  "grants",
  "createdAt",
  "expiresAt",
  "revokedAt",
]);
const SUBJECT_LIMIT_CHARS = 256;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/;

/**
 * The bytes of a file with these tokens, in their order.
 *
 * @throws {AccessError} where they are more than a file may have: nobody could read it again
 */
export function encodeTokenFile(tokens: readonly TokenRecord[]): Bytes {
  const lines = [HEADER, ...tokens.map(plainOf)].map((each) => `${JSON.stringify(each)}\n`);
  const bytes = encodeUtf8(lines.join(""));
  if (bytes.length <= FILE_LIMIT_BYTES) return bytes;
  throw new AccessError(
    `The token file would have ${bytes.length} bytes: expected at most ${FILE_LIMIT_BYTES}. Remove the lines ` +
      "of tokens that have ended.",
  );
}

/**
 * The tokens of a file.
 *
 * @param path for messages
 * @throws {AccessError} naming the line and the field
 */
export function decodeTokenFile(bytes: Uint8Array, path: string): TokenRecord[] {
  const [header = "", ...lines] = decodeUtf8(bytes).split("\n");
  checkHeader(header, path);
  const ids = new Set<string>();
  const tokens: TokenRecord[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const where = `The token file ${path}, line ${index + 2}`;
    const token = decodeLine(line, where);
    for (const unique of [token.id, token.sha256]) {
      if (ids.has(unique)) throw new AccessError(`${where}: another line is for this token, too.`);
      ids.add(unique);
    }
    tokens.push(token);
  }
  return tokens;
}

function plainOf(token: TokenRecord): Record<string, unknown> {
  const { id, sha256, subject, grants, createdAtMs, expiresAtMs, revokedAtMs } = token;
  return {
    id,
    sha256,
    subject,
    grants,
    createdAt: new Date(createdAtMs).toISOString(),
    ...(expiresAtMs === undefined ? {} : { expiresAt: new Date(expiresAtMs).toISOString() }),
    ...(revokedAtMs === undefined ? {} : { revokedAt: new Date(revokedAtMs).toISOString() }),
  };
}

function checkHeader(line: string, path: string): void {
  const where = `The token file ${path}, line 1`;
  const header = parseObject(line, where);
  if (header["format"] !== HEADER.format) {
    throw new AccessError(`${where}: expected ${JSON.stringify(HEADER)}, which it isn't.`);
  }
  if (header["version"] !== HEADER.version) {
    const version = quote(String(header["version"]));
    throw new AccessError(`${where}: its version is ${version}: expected ${HEADER.version}.`);
  }
}

function decodeLine(line: string, where: string): TokenRecord {
  const fields = parseObject(line, where);
  const unknown = Object.keys(fields).find((field) => !FIELDS.has(field));
  if (unknown !== undefined) {
    throw new AccessError(
      `${where}: ${quote(unknown)} is unknown: expected ${[...FIELDS].join(", ")}.`,
    );
  }
  const text = (field: string, form: RegExp, expected: string) => {
    const value = fields[field];
    if (typeof value === "string" && form.test(value)) return value;
    // Not the value: somebody may have put a token where its hash belongs.
    throw new AccessError(`${where}: ${field} is wrong: expected ${expected}.`);
  };
  const time = (field: string): number => {
    const ms = Date.parse(text(field, TIME, "a time such as 2030-01-31T12:00:00.000Z"));
    if (!Number.isNaN(ms)) return ms;
    throw new AccessError(`${where}: ${field} is no time that there is.`);
  };
  return {
    id: text("id", /^[\w.-]{1,64}$/, "1 to 64 letters, digits, dots, - and _"),
    sha256: text("sha256", /^[0-9a-f]{64}$/, "64 hexadecimal digits"),
    subject: checkSubject(text("subject", /^/, "a text"), where),
    grants: decodeGrants(fields["grants"], where),
    createdAtMs: time("createdAt"),
    ...(fields["expiresAt"] === undefined ? {} : { expiresAtMs: time("expiresAt") }),
    ...(fields["revokedAt"] === undefined ? {} : { revokedAtMs: time("revokedAt") }),
  };
}

function checkSubject(subject: string, where: string): string {
  if (isSubject(subject)) return subject;
  throw new AccessError(`${where}: subject is wrong: expected ${SUBJECT_FORM}.`);
}

/** What a subject looks like, as the end of "expected …". */
export const SUBJECT_FORM = `1 to ${SUBJECT_LIMIT_CHARS} characters without control characters`;

/** Whether a token may be somebody's of this name. */
export function isSubject(subject: string): boolean {
  return subject !== "" && subject.length <= SUBJECT_LIMIT_CHARS && !/\p{Cc}/u.test(subject) &&
    subject.isWellFormed();
}

function decodeGrants(value: unknown, where: string): string[] {
  if (!Array.isArray(value)) throw new AccessError(`${where}: grants is wrong: expected a list.`);
  return value.map((line: unknown, index) => {
    if (typeof line !== "string") {
      throw new AccessError(`${where}: grants[${index}] is wrong: expected a text.`);
    }
    try {
      parseGrantTemplate(line);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new AccessError(`${where}: grants[${index}]: ${error.message}`);
    }
    return line;
  });
}

function parseObject(line: string, where: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // The engine's message would quote the line.
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new AccessError(`${where} is no JSON object.`);
}
