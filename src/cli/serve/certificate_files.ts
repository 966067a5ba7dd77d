import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../env/clock.ts";
import { fileState, readTextFile } from "../../env/text_file.ts";
import { checkTls, type TlsOptions } from "../../listen/tls.ts";
import type { Prepared } from "../config/reload.ts";
import type { CertificateFiles } from "../flags/tls_flags.ts";

const log = getLogger(["durable-streams", "tls"]);

/** How often the files are looked at. */
const LOOK_EVERY_MS = 5_000;
/** A certificate with all that signed it has some KiB. */
const LIMIT_BYTES = 1024 * 1024;

/**
 * Reads a certificate and what belongs to it, and checks that it can be served with.
 *
 * @throws {RangeError} which names the flag, the file and the fault
 */
export function readCertificate(files: CertificateFiles): TlsOptions {
  const names = {
    cert: `--tls-cert ${files.cert}`,
    key: `--tls-key ${files.key}`,
    ca: `--tls-client-ca ${files.clientCa}`,
  };
  const texts = {
    cert: read(files.cert, names.cert),
    key: read(files.key, names.key),
    ...(files.clientCa === undefined ? {} : { ca: read(files.clientCa, names.ca) }),
  };
  const { tls, validTo } = checkTls(texts, names);
  if (validTo.getTime() < Date.now()) {
    log.warn("the certificate has expired: clients will refuse it", {
      file: files.cert,
      validTo: validTo.toISOString(),
    });
  }
  return tls;
}

function read(path: string, name: string): string {
  try {
    return readTextFile(path, LIMIT_BYTES);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RangeError(`${name} can't be read: ${error.message}.`);
  }
}

/** Has a listener take up a new certificate, once the files hold one. */
export class CertificateReload {
  readonly #files: CertificateFiles;
  readonly #clock: Clock;
  readonly #apply: (tls: TlsOptions) => void | Promise<void>;
  #seen: string;
  #cancelTimer: () => void = () => {};
  #isStopped = false;

  /** @param apply gives it to the listener */
  constructor(
    files: CertificateFiles,
    clock: Clock,
    apply: (tls: TlsOptions) => void | Promise<void>,
  ) {
    this.#files = files;
    this.#clock = clock;
    this.#apply = apply;
    this.#seen = stateOf(files);
    this.#schedule();
  }

  /** Reads the files, whether they have changed or not; a faulty new certificate leaves the one before. */
  async reload(): Promise<void> {
    if (this.#isStopped) return;
    const seen = stateOf(this.#files);
    this.#seen = seen;
    try {
      await this.#use(readCertificate(this.#files), seen);
    } catch (error) {
      refuse(error);
    }
  }

  /**
   * Reads the files, to take up what they hold now together with other changes.
   *
   * @throws {RangeError} as {@link readCertificate} does
   */
  prepare(): Prepared {
    const seen = stateOf(this.#files);
    const tls = readCertificate(this.#files);
    return { apply: () => void this.#use(tls, seen) };
  }

  /** Looks at the files no more. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer();
  }

  /** Never rejects. What has come to the files since they were as `seen` is found at the next look. */
  async #use(tls: TlsOptions, seen: string): Promise<void> {
    if (this.#isStopped) return;
    this.#seen = seen;
    const file = this.#files.cert;
    try {
      await this.#apply(tls);
      log.info("new connections get the certificate that was read again", { file });
    } catch (error) {
      refuse(error);
    }
  }

  #schedule(): void {
    this.#cancelTimer = this.#clock.setTimer(LOOK_EVERY_MS, () => {
      this.#schedule();
      if (stateOf(this.#files) !== this.#seen) void this.reload();
    });
  }
}

function refuse(error: unknown): void {
  log.error("the new certificate can't be used; the one before stays", {
    error: error instanceof Error ? error.message : String(error),
  });
}

/** Changes with any of the files, and where a link leads to another. */
function stateOf({ cert, key, clientCa }: CertificateFiles): string {
  return [cert, key, clientCa].map((path) => path === undefined ? "" : fileState(path)).join();
}
