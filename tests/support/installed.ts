import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";

/** A program that a test needs, and the Debian package that has it. */
export interface Needed {
  readonly program: string;
  readonly package: string;
}

export const NGINX: Needed = { program: "nginx", package: "nginx-light" };
export const CADDY: Needed = { program: "caddy", package: "caddy" };
export const VARNISH: Needed = { program: "varnishd", package: "varnish" };
export const OPENSSL: Needed = { program: "openssl", package: "openssl" };

/** Its path on this machine; undefined where it isn't there. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, name)).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Its path. Throws where it isn't there. */
export function pathOf(needed: Needed): string {
  const path = findProgram(needed.program);
  if (path === undefined) throw new Error(`No ${needed.program}: install ${needed.package}.`);
  return path;
}

/** A test that is skipped where a program is missing, except in CI: there it fails. */
export function testWith(needed: readonly Needed[], name: string, run: () => Promise<void>): void {
  const missing = needed.filter(({ program }) => findProgram(program) === undefined);
  const why = missing.map((one) => `needs ${one.program}, apt-get install ${one.package}`);
  Deno.test({
    name: why.length === 0 ? name : `${name} (skipped: ${why.join("; ")})`,
    ignore: missing.length > 0 && process.env["CI"] !== "true",
    fn: run,
  });
}
