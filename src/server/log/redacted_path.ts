/** The parameters of this server's that are no secrets; any other may be one. */
const VISIBLE_PARAMETERS: ReadonlySet<string> = new Set([
  "offset",
  "live",
  "cursor",
  "prefix",
  "after",
  "limit",
  "ds-p",
  "ds-v",
  "ds-exp",
  "ds-kid",
]);

const NAME = /^[\w-]{1,32}$/;
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
  if (query < 0) return shortened(target);
  const parameters = target.slice(query + 1).split("&").map(redactedParameter);
  return shortened(`${target.slice(0, query)}?${parameters.join("&")}`);
}

function redactedParameter(parameter: string): string {
  const [name = "", value] = parameter.split("=", 2);
  if (value === undefined || !NAME.test(name)) return parameter === "" ? "" : "***";
  return VISIBLE_PARAMETERS.has(name) ? parameter : `${name}=***`;
}

function shortened(text: string): string {
  return text.length <= LIMIT_CHARS ? text : `${text.slice(0, LIMIT_CHARS)}…`;
}
