import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";

/** A server's certificate and what it asks of its clients, as PEM texts: plain data, sent to other threads. */
export interface TlsOptions {
  /** The certificate, followed by those between it and the authority. */
  readonly cert: string;
  /** Its private key, without a passphrase. */
  readonly key: string;
  /**
   * The authorities that clients' certificates are checked by; where it is given, a client without a
   * certificate by one of them gets no connection.
   */
  readonly ca?: string;
}

/** Where the parts of {@link TlsOptions} come from, as messages name them. */
export interface TlsNames {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** For a connection to become one of TLS. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;

/** The only protocol that this program speaks itself; the runtimes' own servers speak HTTP/2, too. */
export const OWN_PROTOCOL = "http/1.1";

/** How each runtime says that what came isn't TLS: Node, Bun, Deno. */
const NO_TLS = ["ERR_SSL_HTTP_REQUEST", "HTTP_REQUEST", "WRONG_VERSION_NUMBER"];

const PLAIN_TEXT = "This port speaks TLS: use https://.\n";

/** What a client gets that speaks plain HTTP to a port of TLS, where it can be told. */
export const PLAIN_RESPONSE = [
  "HTTP/1.1 400 Bad Request",
  "content-type: text/plain",
  "cache-control: no-store",
  "connection: close",
  `content-length: ${PLAIN_TEXT.length}`,
  "",
  PLAIN_TEXT,
].join("\r\n");

/** Whether a handshake failed because the client doesn't speak TLS at all, as who takes `http` for `https`. */
export function speaksNoTls(error: Error | null): boolean {
  if (error === null) return false;
  const code = "code" in error ? String(error.code) : "";
  return NO_TLS.some((each) => code.endsWith(each) || error.message.endsWith(each));
}

const OPTION_NAMES: TlsNames = { cert: "tls.cert", key: "tls.key", ca: "tls.ca" };

const PLAIN = "This listener has no certificate to replace: it speaks plain HTTP.";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const PRIVATE_KEY = /-----BEGIN (\w+ )?PRIVATE KEY-----[^-]*-----END \1?PRIVATE KEY-----/;

/** A certificate that can be served with. */
export interface CheckedTls {
  /** Nothing but the PEM: not every runtime takes the text that tools put around it. */
  readonly tls: TlsOptions;
  /** Until when the certificate is valid. */
  readonly validTo: Date;
}

/**
 * Checks a certificate, its key and the authorities of clients, since each runtime notices other faults
 * and some only at the first connection.
 *
 * @throws {RangeError} which says what is wrong with which of them
 */
export function checkTls(
  { cert, key, ca }: TlsOptions,
  names: TlsNames = OPTION_NAMES,
): CheckedTls {
  const chain = certificatesIn(cert, names.cert);
  const [certificate] = chain;
  if (certificate === undefined) throw noCertificate(names.cert);
  const privateKey = keyIn(key, names.key);
  if (!certificate.checkPrivateKey(privateKey.key)) {
    throw new RangeError(
      `${names.key} isn't the key of the certificate in ${names.cert} (${oneLine(certificate)}): ` +
        "expected the two of one pair, the server's own certificate first.",
    );
  }
  const authorities = ca === undefined ? undefined : certificatesIn(ca, names.ca);
  if (authorities?.length === 0) throw noCertificate(names.ca);
  return {
    tls: {
      cert: chain.map(pemOf).join(""),
      key: privateKey.pem,
      ...(authorities === undefined ? {} : { ca: authorities.map(pemOf).join("") }),
    },
    validTo: new Date(certificate.validTo),
  };
}

/**
 * As {@link checkTls}, for what takes the place of a listener's certificate.
 *
 * @throws {RangeError} also where the one asks clients for certificates and the other doesn't
 */
export function checkReplacement(before: TlsOptions | undefined, next: TlsOptions): TlsOptions {
  if (before === undefined) throw new RangeError(PLAIN);
  const { tls } = checkTls(next);
  if ((before.ca === undefined) === (tls.ca === undefined)) return tls;
  throw new RangeError(
    "Whether clients need certificates can't change: expected tls.ca where there was one, else none.",
  );
}

/** `setCertificate` of a listener without TLS. */
export function rejectCertificate(): never {
  throw new RangeError(PLAIN);
}

function certificatesIn(text: string, name: string): X509Certificate[] {
  return (text.match(CERTIFICATE) ?? []).map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch {
      throw new RangeError(`The certificate number ${index + 1} in ${name} is damaged.`);
    }
  });
}

function pemOf(certificate: X509Certificate): string {
  const text = certificate.toString();
  return text.endsWith("\n") ? text : `${text}\n`;
}

function keyIn(text: string, name: string): { key: KeyObject; pem: string } {
  if (/ENCRYPTED/.test(text)) {
    throw new RangeError(`${name} has a passphrase: expected a private key without one.`);
  }
  const pem = `${PRIVATE_KEY.exec(text)?.[0] ?? ""}\n`;
  try {
    return { key: createPrivateKey(pem), pem };
  } catch {
    throw new RangeError(
      `${name} holds no private key: expected PEM, which begins with -----BEGIN PRIVATE KEY-----.`,
    );
  }
}

function noCertificate(name: string): RangeError {
  return new RangeError(
    `${name} holds no certificate: expected PEM, which begins with -----BEGIN CERTIFICATE-----.`,
  );
}

function oneLine({ subject }: X509Certificate): string {
  return subject.replaceAll("\n", ", ");
}
