import { fileFlag, textFlag } from "./flag.ts";
import type { FlagValues } from "./flag_values.ts";
import { UsageError } from "./usage_error.ts";

/** The flags for TLS, and for a socket in the file system. */
export const tlsFlags = {
  tlsCert: fileFlag({
    name: "tls-cert",
    defaultText: "none, for plain HTTP",
    help:
      "Speak TLS with this certificate: a PEM file, the server's own certificate first and those between " +
      "it and the authority behind it. With --tls-key. Read again when it changes, and at SIGHUP.",
  }),
  tlsKey: fileFlag({
    name: "tls-key",
    defaultText: "none, for plain HTTP",
    help: "The certificate's private key: a PEM file without a passphrase.",
  }),
  tlsClientCa: fileFlag({
    name: "tls-client-ca",
    defaultText: "none, for clients without certificates",
    help: "Let in only clients that have a certificate by one of the authorities in this PEM file.",
  }),
  socketMode: textFlag({
    name: "socket-mode",
    placeholder: "mode",
    default: "0660",
    help: "Who may connect to the socket of --host unix:PATH, as the rights of a file.",
    accepts: "an octal number from 0600 to 0777 such as 0660",
    check: (text) => /^0?[67][0-7]{2}$/.test(text),
  }),
};

/** The files that the flags name. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  /** The authorities of clients. */
  readonly clientCa: string | undefined;
}

/**
 * The files of the server's certificate; `undefined` where it speaks plain HTTP.
 *
 * @throws {UsageError} where one of them is given without the other that it needs
 */
export function certificateFiles(values: FlagValues): CertificateFiles | undefined {
  const cert = values.get(tlsFlags.tlsCert);
  const key = values.get(tlsFlags.tlsKey);
  const clientCa = values.get(tlsFlags.tlsClientCa);
  if (cert !== undefined && key !== undefined) return { cert, key, clientCa };
  if (cert !== undefined) {
    throw new UsageError("--tls-cert is given without --tls-key; accepted: both");
  }
  if (key !== undefined) {
    throw new UsageError("--tls-key is given without --tls-cert; accepted: both");
  }
  if (clientCa === undefined) return undefined;
  throw new UsageError(
    "--tls-client-ca is given without --tls-cert and --tls-key; accepted: all three",
  );
}
