import type { Msg, MsgHdrs } from "@nats-io/transport-node";

/** Headers that the server sets or reads begin with this; no one else's do. */
const SERVERS_OWN = "Nats-";

/**
 * A message's headers; undefined where it has none, or some that the library throws at: anybody may publish those,
 * and what is thrown while it reads ends its reading for good.
 */
export function headersOf(message: Msg): MsgHdrs | undefined {
  try {
    return message.headers;
  } catch {
    return undefined;
  }
}

/** The headers that aren't the server's own. */
export function ownHeaders(headers: MsgHdrs | undefined): Record<string, string> {
  const own: Record<string, string> = {};
  if (headers === undefined) return own;
  for (const [name, values] of headers) {
    if (!name.startsWith(SERVERS_OWN)) own[name] = values[0] ?? "";
  }
  return own;
}

/** The same of a block of headers as it is on the wire. */
export function ownHeadersOfText(text: string): Record<string, string> {
  const own: Record<string, string> = {};
  for (const line of text.split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    if (colon > 0 && !line.startsWith(SERVERS_OWN)) {
      own[line.slice(0, colon)] = line.slice(colon + 1).trim();
    }
  }
  return own;
}

/** A header that is a number; 0 where it isn't there. */
export function numberHeader(headers: MsgHdrs | undefined, name: string): number {
  const value = Number(headers?.get(name) ?? "");
  return Number.isSafeInteger(value) ? value : 0;
}

const NAME = /^[!-9;-~]+$/;
const VALUE = /^[ -~]*$/;

/** Why headers can't be sent, as a sentence; undefined where they can. */
export function unsuitableHeader(headers: Readonly<Record<string, string>>): string | undefined {
  for (const name in headers) {
    if (!NAME.test(name) || name.startsWith(SERVERS_OWN)) return `"${name}" is no header's name`;
    const value = headers[name] ?? "";
    if (!VALUE.test(value)) return `the header ${name} has something other than printable ASCII`;
  }
  return undefined;
}
