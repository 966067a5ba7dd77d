import { deepEqual, equal, throws } from "node:assert/strict";
import { join } from "node:path";
import { CertificateReload, readCertificate } from "../../../src/cli/serve/certificate_files.ts";
import { AUTHORITY, FIRST, SECOND } from "../../support/certificates.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { withTempDir } from "../../support/temp_dir.ts";

async function withFiles(
  run: (files: { cert: string; key: string; clientCa: undefined }) => Promise<void> | void,
): Promise<void> {
  await withTempDir(async (dir) => {
    const files = { cert: join(dir, "cert.pem"), key: join(dir, "key.pem"), clientCa: undefined };
    Deno.writeTextFileSync(files.cert, FIRST.cert);
    Deno.writeTextFileSync(files.key, FIRST.key);
    await run(files);
  });
}

Deno.test("a certificate is read from its files, and a fault names the flag and the file", async () => {
  await withFiles((files) => {
    deepEqual(readCertificate(files), FIRST);
    const ca = `${files.cert}.ca`;
    throws(
      () => readCertificate({ ...files, clientCa: ca }),
      new RangeError(`--tls-client-ca ${ca} can't be read: there is no such file.`),
    );
    Deno.writeTextFileSync(ca, AUTHORITY);
    deepEqual(readCertificate({ ...files, clientCa: ca }), { ...FIRST, ca: AUTHORITY });
    Deno.writeTextFileSync(files.key, SECOND.key);
    throws(
      () => readCertificate(files),
      (error) =>
        error instanceof RangeError &&
        error.message.startsWith(
          `--tls-key ${files.key} isn't the key of the certificate in --tls-`,
        ),
    );
  });
});

Deno.test("files that have changed are read again within seconds, a faulty pair is not taken", async () => {
  await withFiles(async (files) => {
    const clock = new ManualClock();
    const applied: string[] = [];
    const reload = new CertificateReload(files, clock, (tls) => {
      applied.push(tls === undefined ? "" : tls.cert === FIRST.cert ? "first" : "second");
      return Promise.resolve();
    });
    const pass = async () => {
      clock.advance(5_000);
      await Promise.resolve();
    };
    await pass();
    equal(applied.join(), "", "nothing has changed");
    Deno.writeTextFileSync(files.cert, `${SECOND.cert}\n`);
    await pass();
    equal(applied.join(), "", "its key isn't there yet");
    Deno.writeTextFileSync(files.key, `${SECOND.key}\n`);
    await pass();
    equal(applied.join(), "second");
    await pass();
    equal(applied.join(), "second", "once");
    await reload.reload();
    equal(applied.join(), "second,second", "asked for, whether it has changed or not");
    reload.stop();
    equal(clock.pendingTimers, 0);
    await reload.reload();
    equal(applied.length, 2, "after its end, never");
  });
});

Deno.test("what comes to the files between a reload's look at them and its change is read, too", async () => {
  await withFiles((files) => {
    const clock = new ManualClock();
    const applied: string[] = [];
    const reload = new CertificateReload(files, clock, (tls) => {
      applied.push(tls.cert === FIRST.cert ? "first" : "second");
    });
    const prepared = reload.prepare();
    Deno.writeTextFileSync(files.cert, `${SECOND.cert}\n`);
    Deno.writeTextFileSync(files.key, `${SECOND.key}\n`);
    prepared.apply();
    equal(applied.join(), "first");
    clock.advance(5_000);
    equal(applied.join(), "first,second");
    reload.stop();
  });
});
