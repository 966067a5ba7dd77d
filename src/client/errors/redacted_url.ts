import { VISIBLE_PARAMETERS } from "../../protocol/visible_parameters.ts";

/** A text that may quote a request's URL, with `***` for the values of other parameters. */
export function redactedText(text: string, url: string): string {
  let shown = text;
  for (const pair of url.split("?")[1]?.split("&") ?? []) {
    const [name = ""] = pair.split("=");
    if (name !== "" && !VISIBLE_PARAMETERS.includes(name)) {
      shown = shown.replaceAll(pair, `${name}=***`);
    }
  }
  return shown;
}

/** A request's URL for messages: with `***` for the values of other parameters. */
export function redactedUrl(url: string): string {
  if (!URL.canParse(url)) return url;
  const shown = new URL(url);
  for (const name of new Set(shown.searchParams.keys())) {
    if (!VISIBLE_PARAMETERS.includes(name)) shown.searchParams.set(name, "***");
  }
  return shown.href;
}
