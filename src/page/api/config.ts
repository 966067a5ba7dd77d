import { encodeName } from "./encode_name.ts";

/** What the server writes into the document as it serves it. */
export interface PageConfig {
  /** What the streams' URLs begin with, as the app knows it: `/v1/stream`. */
  readonly prefix: string;
  /** From the document's URL to the app's own root: `./` unless the app is mounted elsewhere. */
  readonly base: string;
  readonly version: string;
  /** Whether the server asks who is there: then the page needs a token. */
  readonly access: boolean;
}

const FALLBACK: PageConfig = { prefix: "/v1/stream", base: "./", version: "", access: false };

/** The configuration of this page. */
export const config: PageConfig = readConfig();

/** The beginning of all streams' URLs, without a slash at its end. */
export const streamsUrl: string = new URL(
  config.prefix.replace(/^\//, ""),
  new URL(config.base, location.href.replace(/[?#].*$/, "")),
).href.replace(/\/$/, "");

/** The URL of a stream. */
export function streamUrl(name: string): string {
  return `${streamsUrl}/${encodeName(name)}`;
}

/** The URL of one of the server's own interfaces: `page/streams` is `{prefix}/__ds/page/streams`. */
export function controlUrl(path: string): string {
  return `${streamsUrl}/__ds/${path}`;
}

function readConfig(): PageConfig {
  const text = document.getElementById("config")?.textContent;
  try {
    return { ...FALLBACK, ...JSON.parse(text ?? "{}") };
  } catch {
    return FALLBACK;
  }
}
