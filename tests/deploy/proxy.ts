import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { freePort as freePortAt } from "../../src/listen/free_port.ts";
import { runCommand } from "../tools/command.ts";
import { inRepo } from "../tools/repo.ts";
import { CADDY, type Needed, NGINX, OPENSSL, pathOf, VARNISH } from "../support/installed.ts";

/** The name that the configuration files have, and that the test's certificate is for. */
export const SITE = "streams.example";

const STOP_MS = 10_000;

/** A proxy that runs by the file that stands in docs/deploy, in front of one server. */
export interface Proxy {
  /** By which a request reaches it: `https://127.0.0.1:PORT`. */
  readonly origin: string;
  readonly port: number;
  /** Its own files. */
  readonly dir: string;
  /** Knows its certificate and speaks HTTP/1.1, a connection for each request that is under way. */
  readonly client: Deno.HttpClient;
  /** The certificate to trust; undefined where it speaks no TLS. */
  readonly certificate: string | undefined;
  [Symbol.asyncDispose](): Promise<void>;
}

/** One kind of proxy, and what has to be installed for it. */
export interface ProxyKind {
  readonly name: string;
  readonly needs: readonly Needed[];
  /** @param upstream the server's host and port */
  start(upstream: string): Promise<Proxy>;
}

export const nginx: ProxyKind = {
  name: "nginx",
  needs: [NGINX, OPENSSL],
  start: (upstream) =>
    start(async (dir, port) => {
      const { certificate, key } = await makeCertificate(dir);
      mkdirSync(join(dir, "cache"));
      const isRoot = process.getuid?.() === 0;
      // Debian's nginx has its temporary files where only root may write.
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map((name) => `${name}_temp_path ${dir}/${name};`).join(" ");
      const config = configured("nginx.conf", dir, [
        ["user www-data; # yours", isRoot ? "user root;" : ""],
        ["pid /run/nginx.pid; # yours", `pid ${dir}/pid;`],
        ["http {", `http { ${temporary}`],
        ["server 127.0.0.1:4437;", `server ${upstream};`],
        ["/var/cache/nginx/streams", `${dir}/cache`],
        ["/var/log/nginx/access.log", `${dir}/access.log`],
        ["listen 443 ssl http2;", `listen 127.0.0.1:${port} ssl http2;`],
        ["/etc/ssl/streams.pem", certificate],
        ["/etc/ssl/streams.key", key],
      ]);
      return {
        command: [pathOf(NGINX), "-c", config, "-p", dir, "-e", "stderr", "-g", "daemon off;"],
        certificate: readFileSync(certificate, "utf8"),
      };
    }),
};

export const caddy: ProxyKind = {
  name: "Caddy",
  needs: [CADDY, OPENSSL],
  start: (upstream) =>
    start(async (dir, port) => {
      const { certificate, key } = await makeCertificate(dir);
      return {
        command: [pathOf(CADDY), "run", "--adapter", "caddyfile", "--config", inDocs("Caddyfile")],
        environment: {
          STREAMS_SITE: `https://127.0.0.1:${port}, https://${SITE}:${port}`,
          STREAMS_UPSTREAM: upstream,
          STREAMS_TLS: `${certificate} ${key}`,
          STREAMS_HTTP_PORT: String(await freePort()),
          CADDY_ADMIN: `127.0.0.1:${await freePort()}`,
          XDG_DATA_HOME: dir,
          XDG_CONFIG_HOME: dir,
        },
        certificate: readFileSync(certificate, "utf8"),
      };
    }),
};

export const varnish: ProxyKind = { name: "Varnish", needs: [VARNISH], start: startVarnish };

/** Varnish, with others than this machine to whom it listens where it is told to purge. */
export function startVarnish(upstream: string, near = "127.0.0.1"): Promise<Proxy> {
  return start((dir, port) => {
    const [host, upstreamPort] = upstream.split(":");
    const vcl = configured("default.vcl", dir, [
      ['.host = "127.0.0.1";', `.host = "${host}";`],
      ['.port = "4437";', `.port = "${upstreamPort}";`],
      ['"127.0.0.1"; # yours\n    "::1"', `"${near}"`],
    ]);
    const storage = ["-s", "malloc,64m", "-T", "none", "-j", "none"];
    const command = [pathOf(VARNISH), "-F", "-f", vcl, "-a", `127.0.0.1:${port}`, "-n", dir];
    return Promise.resolve({ command: [...command, ...storage], certificate: undefined });
  });
}

function inDocs(name: string): string {
  return inRepo("docs", "deploy", name);
}

/** A copy of a file of docs/deploy with what is the machine's own replaced; each has to be in it. */
function configured(
  name: string,
  dir: string,
  replacements: readonly (readonly [string, string])[],
): string {
  let text = readFileSync(inDocs(name), "utf8");
  for (const [from, to] of replacements) {
    if (text.split(from).length !== 2) throw new Error(`${name} doesn't have "${from}" once.`);
    text = text.replace(from, () => to);
  }
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

interface Launch {
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly certificate: string | undefined;
}

/** Starts a proxy in a directory of its own, on a free port; throws where it doesn't answer within a minute. */
async function start(prepare: (dir: string, port: number) => Promise<Launch>): Promise<Proxy> {
  const dir = mkdtempSync(join(tmpdir(), "durable-streams-proxy-"));
  const port = await freePort();
  const { command, environment, certificate } = await prepare(dir, port);
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    cwd: dir,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => output = (output + text).slice(-4_000));
  }
  let isOver = false;
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      isOver = true;
      resolve();
    };
    child.on("exit", end);
    child.on("error", end);
  });
  const kill = () => child.kill("SIGTERM");
  process.once("exit", kill);
  const client = Deno.createHttpClient({
    ...certificate === undefined ? {} : { caCerts: [certificate] },
    http1: true,
    http2: false,
  });
  const proxy: Proxy = {
    origin: `${certificate === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    port,
    dir,
    client,
    certificate,
    async [Symbol.asyncDispose]() {
      client.close();
      kill();
      // Where readers are left that it waits for, as after a failed test.
      const insist = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      await ended;
      clearTimeout(insist);
      process.off("exit", kill);
      rmSync(dir, { recursive: true, force: true });
    },
  };
  for (let attempt = 0; attempt < 1200 && !isOver; attempt++) {
    const answer = await fetch(proxy.origin, { client }).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer !== undefined) return proxy;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await proxy[Symbol.asyncDispose]();
  throw new Error(`${command.join(" ")} doesn't answer:\n${output}`);
}

async function makeCertificate(dir: string): Promise<{ certificate: string; key: string }> {
  const [certificate, key] = [join(dir, "streams.pem"), join(dir, "streams.key")];
  const names = `subjectAltName=DNS:${SITE},IP:127.0.0.1`;
  const made = await runCommand([
    ...[pathOf(OPENSSL), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ...["-nodes", "-days", "2", "-subj", `/CN=${SITE}`, "-addext", names],
    ...["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", certificate],
  ], { limitMinutes: 1 });
  if (made.code !== 0) throw new Error(`No certificate:\n${made.output}`);
  return { certificate, key };
}

/** A port of 127.0.0.1 that nobody listens on. */
export function freePort(): Promise<number> {
  return freePortAt({ host: "127.0.0.1", port: 0 });
}
