import {
  BadValue,
  durationFlag,
  type Flag,
  onSwitchFlag,
  optionalFlag,
  switchFlag,
  textFlag,
} from "./flag.ts";
import { tokenFlags } from "./token_flags.ts";

const HOUR_MS = 3_600_000;

/** The flags of every command that talks to a server. */
export const connectionFlags = {
  url: textFlag({
    name: "url",
    placeholder: "url",
    default: "http://localhost:4437/v1/stream",
    help: "What the streams' URLs begin with, the prefix included.",
    accepts: "an http or https URL",
    check: isHttpUrl,
  }),
  headers: headersFlag(),
  ...tokenFlags,
  timeoutMs: durationFlag({
    name: "timeout",
    min: 1,
    max: HOUR_MS,
    default: 30_000,
    help: "How long one request may take.",
  }),
  retryMs: optionalFlag(durationFlag({
    name: "retry",
    min: 0,
    max: 24 * HOUR_MS,
    default: 0,
    help:
      "How long to keep trying while the server can't be reached or fails. Unless given: 1s for the " +
      "first request, 30s in the middle of a transfer, for ever with tail -f and worker.",
  })),
  color: onSwitchFlag({
    name: "color",
    help: "No colours; NO_COLOR in the environment says the same.",
    commandLineOnly: true,
  }),
};

/** `--json` of a command that prints something. */
export const jsonOutputFlag: Flag<boolean> = switchFlag({
  name: "json",
  help: "Print JSON, one object per line.",
  commandLineOnly: true,
});

/** `--content-type` of a command that may create a stream. */
export const contentTypeFlag: Flag<string | undefined> = optionalFlag(textFlag({
  name: "content-type",
  placeholder: "type",
  default: "",
  help: "The content type of the stream.",
  accepts: "a media type such as text/plain or application/json",
  check: (text) => /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+ *(;[\x20-\x7e]*)?$/.test(text),
  commandLineOnly: true,
}));

/** `--data`, in place of stdin. */
export const dataFlag: Flag<string | undefined> = optionalFlag(textFlag({
  name: "data",
  placeholder: "text",
  default: "",
  help: "The content itself; - reads stdin.",
  accepts: "text, or - for stdin",
  check: () => true,
  commandLineOnly: true,
}));

/** `--prefix`: all streams whose names begin so. */
export const prefixFlag: Flag<string | undefined> = optionalFlag(textFlag({
  name: "prefix",
  placeholder: "prefix",
  default: "",
  help: "All streams whose names begin with this, instead of PATH. The server has to list them.",
  accepts: "what names begin with, such as logs/; never nothing, which would be all streams",
  check: (text) => text !== "",
  commandLineOnly: true,
}));

/** Whether the text is a URL that a client can ask. */
export function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

const HEADER = /^([!#$%&'*+.^`|~\w-]+):[ \t]*([\t\x20-\x7e\xa0-\xff]*?)[ \t]*$/;

function headersFlag(): Flag<Readonly<Record<string, string>>> {
  return {
    name: "header",
    placeholder: "header",
    help: "A header for every request, such as 'X-Tenant: acme'; may be given again.",
    accepts: "Name: value, in Latin-1; in the variable one a line",
    default: {},
    defaultText: "",
    repeatable: true,
    isSecret: (text) => /authori[sz]ation|bearer|basic|cookie|token|key/i.test(text),
    parse(text) {
      const headers: Record<string, string> = {};
      for (const line of text.split("\n").filter((line) => line.trim() !== "")) {
        const [, name, value] = HEADER.exec(line) ?? [];
        if (name === undefined || value === undefined) throw new BadValue();
        headers[name] = value;
      }
      return headers;
    },
  };
}
