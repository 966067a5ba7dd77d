import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "../tools/command.ts";
import { AUTHORITY, FIRST } from "./certificates.ts";

/** What has a server ask who is there, by TLS, and a client tell it. */
export interface Guard {
  /** The server's. */
  readonly flags: readonly string[];
  /** A good one, for everything. */
  readonly token: string;
  /** Who issued the server's certificate, as a file. */
  readonly authorityFile: string;
}

/** As the global one, as far as the tests use it. */
export type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

/**
 * Makes a certificate's files and a token as an operator does.
 *
 * @param command the program's, without its flags
 * @param dir where the files go
 */
export async function makeGuard(command: readonly string[], dir: string): Promise<Guard> {
  const tokens = join(dir, "tokens.jsonl");
  const [cert, key, authorityFile] = [
    join(dir, "cert.pem"),
    join(dir, "key.pem"),
    join(dir, "ca.pem"),
  ];
  const files = [[cert, FIRST.cert], [key, FIRST.key], [authorityFile, AUTHORITY]] as const;
  for (const [path, text] of files) await writeFile(path, text);
  const create = ["token", "create", "--tokens", tokens, "--subject", "the tests"];
  const all = ["--grant", "read,append,create,close,delete,list,subscribe,admin **"];
  const { code, output } = await runCommand([...command, ...create, ...all], { limitMinutes: 1 });
  const [token] = /\bds_\S+/.exec(output) ?? [];
  if (code !== 0 || token === undefined) throw new Error(`There is no token:\n${output}`);
  const flags = ["--tokens", tokens, "--tls-cert", cert, "--tls-key", key];
  return { flags, token, authorityFile };
}

/** A client that knows the tests' authority, and shows a token where a request has none. */
export class GuardedClient {
  readonly #client: Deno.HttpClient;
  readonly fetch: Fetch;

  /**
   * @param token shown with each request; none unless given
   * @param isKept whether its connections are used again
   */
  constructor({ token, isKept = true }: { token?: string; isKept?: boolean } = {}) {
    const pool = isKept ? {} : { poolMaxIdlePerHost: 0 };
    const client = Deno.createHttpClient({ caCerts: [AUTHORITY], ...pool });
    this.#client = client;
    this.fetch = (url, init = {}) => {
      const headers = new Headers(init.headers);
      if (token !== undefined && !headers.has("authorization")) {
        headers.set("authorization", `Bearer ${token}`);
      }
      return fetch(url, { ...init, headers, client });
    };
  }

  /** Ends its connections. */
  [Symbol.dispose](): void {
    this.#client.close();
  }
}
