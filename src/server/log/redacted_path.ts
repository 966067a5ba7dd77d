import { LINK_PARAMS, SIGNATURE_PARAM } from "../../access/links/link.ts";
import { VISIBLE_PARAMETERS } from "../../protocol/visible_parameters.ts";

/** A signed link's are nothing without its signature. */
const SHOWN: ReadonlySet<string> = new Set([
  ...VISIBLE_PARAMETERS,
  // Those of a connection that follows many streams; names are in all paths.
  "stream",
  "pattern",
  ...LINK_PARAMS.filter((param) => param !== SIGNATURE_PARAM),
]);

const NAME = /^[\w-]{1,32}$/;
/** What isn't shown wherever it stands, as in a link that was copied badly: a signature, a token. */
const SECRET = /(ds-sig(?:=|%3D))[^&]*|(\bds_)[\w-]{43}/gi;
const LIMIT_CHARS = 2_048;

/**
 * What a log may show of a request's URL: its path and query, with `***` for the values of parameters that
 * aren't known to be harmless.
 *
 * @param url absolute and normalized
 */
export function redactedPath(url: string): string {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  if (start < 0) return "/";
  const end = url.indexOf("#");
  const target = end < 0 ? url.slice(start) : url.slice(start, end);
  const query = target.indexOf("?");
  if (query < 0) return shown(target);
  const parameters = target.slice(query + 1).split("&").map(redactedParameter);
  return shown(`${target.slice(0, query)}?${parameters.join("&")}`);
}

function redactedParameter(parameter: string): string {
  const [name = "", value] = parameter.split("=", 2);
  if (value === undefined || !NAME.test(name)) return parameter === "" ? "" : "***";
  return SHOWN.has(name) ? parameter : `${name}=***`;
}

function shown(path: string): string {
  const text = path.replace(SECRET, "$1$2***");
  return text.length <= LIMIT_CHARS ? text : `${text.slice(0, LIMIT_CHARS)}…`;
}
