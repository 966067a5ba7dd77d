import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { freePort } from "../../src/listen/free_port.ts";
import { NGINX, pathOf } from "../support/installed.ts";

/** An nginx with its cache on, as its manual shows it, in front of one server. */
export interface Nginx {
  readonly origin: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts nginx on a free port of loopback; throws where it isn't there or doesn't answer within a minute. */
export async function startNginx(upstream: string): Promise<Nginx> {
  const dir = mkdtempSync(join(tmpdir(), "durable-streams-nginx-"));
  const port = await freePort({ host: "127.0.0.1", port: 0 });
  const config = join(dir, "nginx.conf");
  writeFileSync(config, configOf(dir, port, upstream));
  const child = spawn(pathOf(NGINX), ["-c", config, "-p", dir, "-e", "stderr"], {
    stdio: "ignore",
  });
  const ended = new Promise<void>((resolve) => {
    child.on("exit", () => resolve());
    child.on("error", () => resolve());
  });
  const nginx: Nginx = {
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
  for (let attempt = 0; attempt < 1200; attempt++) {
    const answer = await fetch(nginx.origin).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer !== undefined) return nginx;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await nginx[Symbol.asyncDispose]();
  throw new Error("nginx doesn't answer.");
}

function configOf(dir: string, port: number, upstream: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${dir}/${name};`).join("\n");
  return `
daemon off;
pid ${dir}/pid;
${process.getuid?.() === 0 ? "user root;" : ""}
events {}
http {
  access_log off;
  ${temporary}
  proxy_cache_path ${dir}/cache keys_zone=streams:1m;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass ${upstream};
      proxy_http_version 1.1;
      proxy_cache streams;
      add_header x-cache $upstream_cache_status always;
    }
    location /below/ {
      proxy_pass ${upstream}/;
      proxy_http_version 1.1;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Prefix /below;
      proxy_set_header Forwarded "";
    }
  }
}
`;
}
