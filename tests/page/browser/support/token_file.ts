import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A line of a token file. */
interface TokenLine {
  readonly id: string;
  readonly sha256: string;
  readonly subject: string;
  readonly grants: readonly string[];
  readonly createdAt: string;
}

const HEADER = { format: "durable-streams tokens", version: 1 };

/** A token file of a test, and the tokens that it has. */
export class TestTokens {
  readonly #dir = mkdtempSync(join(tmpdir(), "durable-streams-page-"));
  readonly #lines: TokenLine[] = [];
  readonly path = join(this.#dir, "tokens.jsonl");

  constructor() {
    addEventListener("unload", () => rmSync(this.#dir, { recursive: true, force: true }));
  }

  /** A new token with these grants; it counts from the next `write` on. */
  add(subject: string, ...grants: readonly string[]): string {
    const token = `ds_${randomBytes(32).toString("base64url")}`;
    this.#lines.push({
      id: randomBytes(6).toString("base64url"),
      sha256: createHash("sha256").update(token).digest("hex"),
      subject,
      grants,
      createdAt: new Date().toISOString(),
    });
    return token;
  }

  /** Writes the file, but for the tokens of a subject whose time is over. */
  write({ without }: { without?: string } = {}): void {
    const lines = this.#lines.filter(({ subject }) => subject !== without);
    const text = [HEADER, ...lines].map((line) => `${JSON.stringify(line)}\n`).join("");
    writeFileSync(this.path, text, { mode: 0o600 });
  }
}
