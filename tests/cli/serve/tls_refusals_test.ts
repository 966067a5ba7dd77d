import { equal, match } from "node:assert/strict";
import { join } from "node:path";
import { FIRST, SECOND } from "../../support/certificates.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { inRepo } from "../../tools/repo.ts";

/** Bad settings of TLS and of sockets: the program exits with 2 before it makes or opens anything. */

async function refused(flags: readonly string[], message: RegExp): Promise<void> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", inRepo("main.ts"), "--storage", "memory", "--port", "0", ...flags],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stderr);
  match(text, message);
  equal([code, stdout.length].join(), "2,0", text);
}

Deno.test("a certificate without its key, missing or of another key exits 2", async () => {
  await withTempDir(async (dir) => {
    const write = (name: string, text: string) => {
      const path = join(dir, name);
      Deno.writeTextFileSync(path, text);
      return path;
    };
    const [cert, key] = [write("cert.pem", FIRST.cert), write("key.pem", FIRST.key)];
    const both = ["--tls-cert", cert, "--tls-key", key];
    await Promise.all([
      refused(["--tls-cert", cert], /^durable-streams: --tls-cert is given without --tls-key/),
      refused(["--tls-key", key], /--tls-key is given without --tls-cert; accepted: both/),
      refused(["--tls-client-ca", cert], /--tls-client-ca is given without --tls-cert and/),
      refused(
        ["--tls-cert", cert, "--tls-key", join(dir, "no")],
        /can't be read: there is no such/,
      ),
      refused(
        ["--tls-cert", cert, "--tls-key", write("other.pem", SECOND.key)],
        /--tls-key .*other\.pem isn't the key of the certificate in --tls-cert .*\(CN=first\)/,
      ),
      refused([...both, "--tls-client-ca", key], /--tls-client-ca .*key\.pem holds no certificate/),
      refused([...both, "--tls-client-ca", cert, "--http", "runtime"], /accepted: --http own/),
      refused([...both, "--workers", "2", "--http", "runtime"], /accepted: --workers 1, or --http/),
      refused(
        ["--host", `unix:${join(dir, "a")}`, "--workers", "2"],
        /accepted: --workers 1, or an/,
      ),
      refused(["--socket-mode", "999"], /accepted: an octal number from 0600 to 0777/),
    ]);
  });
});
