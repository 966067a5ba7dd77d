import { optionalFlag, textFlag } from "./flag.ts";

/** How a command says who it is to its server. */
export const tokenFlags = {
  token: optionalFlag({
    ...textFlag({
      name: "token",
      placeholder: "token",
      default: "",
      help:
        "The bearer token of every request. Other users of this machine can read a command line: prefer " +
        "the variable or --token-file.",
      accepts: "printable ASCII without spaces",
      check: (text) => /^[!-~]+$/.test(text),
    }),
    isSecret: () => true,
  }),
  tokenFile: optionalFlag(textFlag({
    name: "token-file",
    placeholder: "file",
    default: "",
    help:
      "A file with the token. It is read again as it changes, and when the server refuses the token.",
    accepts: "the path of a file",
    check: (text) => text !== "",
  })),
};
