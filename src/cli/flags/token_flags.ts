import { type Flag, optionalFlag, textFlag } from "./flag.ts";

/** How a command says who it is to a server. */
export interface TokenFlags {
  readonly token: Flag<string | undefined>;
  readonly tokenFile: Flag<string | undefined>;
}

/** How a command says who it is to its server. */
export const tokenFlags: TokenFlags = tokenFlagsNamed("", "every request");

/**
 * The flags for the token of one server of several.
 *
 * @param prefix what the flags' names begin with: `from-`
 * @param requests what the token goes along with, for the help
 */
export function tokenFlagsNamed(prefix: string, requests: string): TokenFlags {
  return {
    token: optionalFlag({
      ...textFlag({
        name: `${prefix}token`,
        placeholder: "token",
        default: "",
        help:
          `The bearer token of ${requests}. Other users of this machine can read a command line: prefer ` +
          `the variable or --${prefix}token-file.`,
        accepts: "printable ASCII without spaces",
        check: (text) => /^[!-~]+$/.test(text),
      }),
      isSecret: () => true,
    }),
    tokenFile: optionalFlag(textFlag({
      name: `${prefix}token-file`,
      placeholder: "file",
      default: "",
      help:
        "A file with the token. It is read again as it changes, and when the server refuses the token.",
      accepts: "the path of a file",
      check: (text) => text !== "",
    })),
  };
}
