import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildPackage } from "../tools/package_build.ts";
import { runCommand } from "../tools/command.ts";
import { inRepo } from "../tools/repo.ts";

/** A package as `npm pack` made it. */
interface Packed {
  readonly name: string;
  readonly version: string;
  readonly filename: string;
}

/** A registry of this package and those it depends on, for clients that are to install it. */
export interface LocalRegistry {
  readonly url: string;
  /** The package's own tarball. */
  readonly tarball: string;
  close(): Promise<void>;
}

/**
 * Builds and packs the package, and serves it and what it depends on from this machine: what is
 * installed is what would be published.
 *
 * @param dir for the tarballs
 */
export async function startLocalRegistry(dir: string): Promise<LocalRegistry> {
  await buildPackage();
  const dependencies = [
    "hono",
    "@logtape/logtape",
    "commander",
    "ipaddr.js",
    "jose",
    "smol-toml",
    // Optional: nobody gets them, but Deno asks what they are at each start until it knows.
    "@opentelemetry/api",
    "@opentelemetry/exporter-trace-otlp-http",
    "@opentelemetry/resources",
    "@opentelemetry/sdk-trace",
    // Optional, too, and installed by whoever can: the client of NATS, and what that depends on.
    "@nats-io/transport-node",
    "@nats-io/nats-core",
    "@nats-io/nkeys",
    "@nats-io/nuid",
    "tweetnacl",
  ];
  const folders = [inRepo(), ...dependencies.map(folderOf)];
  // As JSON, in which the scripts' own output would stand before it.
  const packed: Packed[] = JSON.parse(
    await run([
      "npm",
      "pack",
      "--json",
      "--silent",
      "--ignore-scripts",
      "--pack-destination",
      dir,
      ...folders,
    ]),
  );
  const files = new Map(packed.map((one) => [one.filename, readFileSync(join(dir, one.filename))]));
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "/").slice(1);
    const file = files.get(path);
    const found = packed.find(({ name }) => name === path);
    if (file !== undefined) response.end(file);
    else if (found !== undefined) response.end(JSON.stringify(metadata(dir, found, url)));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${portOf(server.address())}`;
  const own = packed.find(({ name }) => name === "durable-streams");
  return {
    url,
    tarball: join(dir, own?.filename ?? ""),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function metadata(dir: string, { name, version, filename }: Packed, url: string): unknown {
  const bytes = readFileSync(join(dir, filename));
  const folder = name === "durable-streams" ? inRepo() : folderOf(name);
  const manifest: object = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const dist = {
    tarball: `${url}/${filename}`,
    shasum: createHash("sha1").update(bytes).digest("hex"),
    integrity: `sha512-${createHash("sha512").update(bytes).digest("base64")}`,
  };
  return {
    name,
    "dist-tags": { latest: version },
    versions: { [version]: { ...manifest, dist } },
  };
}

/** What only dependencies need lies apart from what this package names itself. */
function folderOf(name: string): string {
  const named = inRepo("node_modules", name);
  return existsSync(named) ? named : inRepo("node_modules", ".deno", "node_modules", name);
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === "string") throw new Error("The registry has no port.");
  return address.port;
}

async function run(command: readonly string[]): Promise<string> {
  const { code, output } = await runCommand(command, { limitMinutes: 3 });
  if (code !== 0) throw new Error(`${command.join(" ")}:\n${output}`);
  return output;
}
