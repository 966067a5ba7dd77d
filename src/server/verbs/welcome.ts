import type { HttpRequest, HttpResponse } from "../../http/handler.ts";
import { RESERVED_SEGMENT } from "../../protocol/stream_name.ts";
import { COMMON_HEADERS, NO_STORE } from "../common/common_headers.ts";
import type { ServerContext } from "./context.ts";

/** The page runs nothing, loads nothing and is shown in no other. */
const PAGE_POLICY =
  "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** A base that may stand in a shell's line and in HTML as it is. */
const PLAIN_BASE = /^https?:\/\/[\w.~:[\]-]+(?:\/[\w.~-]+)*$/;

/** GET of the server's root: what this is and where to go on, as HTML for browsers, else as text. */
export function welcome(context: ServerContext, request: HttpRequest): HttpResponse {
  const isHtml = wantsHtml(request.headers.get("accept"));
  const told = welcomePage(context, request);
  const body = isHtml ? toHtml(told) : toText(told);
  return {
    status: 200,
    headers: {
      ...COMMON_HEADERS,
      ...NO_STORE,
      "content-type": isHtml ? "text/html; charset=utf-8" : "text/plain; charset=utf-8",
      "content-security-policy": PAGE_POLICY,
      "referrer-policy": "no-referrer",
      "vary": "accept",
    },
    body: request.method === "HEAD" ? null : body,
  };
}

interface WelcomePage {
  readonly title: string;
  /** The text, with the path that it is about where there is one. */
  readonly lines: readonly (readonly [text: string, path?: string])[];
  readonly commands: readonly string[];
}

function welcomePage({ config, names, urls }: ServerContext, request: HttpRequest): WelcomePage {
  const { origin, path } = urls.baseOf(request);
  const base = `${path}${names.outerPath(request)}`;
  const streams = `${base}${config.prefix}/`;
  const whole = PLAIN_BASE.test(origin + base) ? origin + streams : `http://HOST${streams}`;
  const lines: [string, string?][] = [
    ["Append-only streams over HTTP, by the Durable Streams protocol."],
    [`A stream's URL is ${whole} followed by its name.`],
  ];
  if (config.page) lines.push(["A page to look at the streams:", `${base}/ui`]);
  if (config.listing) {
    lines.push(["List of streams:", `${streams}${RESERVED_SEGMENT}/streams`]);
  }
  if (config.health !== undefined) {
    lines.push(["Health check:", `${base}${config.health}`]);
  }
  lines.push(["To read on: the program's README.md and docs/, and durable-streams --help."]);
  const stream = `${whole}my-stream`;
  return {
    title: `durable-streams${config.version === undefined ? "" : ` ${config.version}`}`,
    lines,
    commands: [
      `curl -X PUT -H 'content-type: text/plain' '${stream}'`,
      `curl -X POST -H 'content-type: text/plain' --data hello '${stream}'`,
      `curl '${stream}'`,
      `curl -N '${stream}?offset=-1&live=sse'`,
    ],
  };
}

function toText({ title, lines, commands }: WelcomePage): string {
  const said = lines.map(([text, path]) => (path === undefined ? text : `${text} ${path}`));
  return `${[title, "", ...said, "", ...commands.map((line) => `  ${line}`)].join("\n")}\n`;
}

function toHtml({ title, lines, commands }: WelcomePage): string {
  const said = lines.map(([text, path]) => {
    const link = path === undefined ? "" : ` <a href="${escape(path)}">${escape(path)}</a>`;
    return `<p>${escape(text)}${link}</p>`;
  });
  return [
    '<!doctype html><html lang="en"><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">',
    `<title>${escape(title)}</title>`,
    `<h1>${escape(title)}</h1>`,
    ...said,
    `<pre>${commands.map(escape).join("\n")}</pre>`,
    "",
  ].join("\n");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

/** Whether HTML is named, and not refused: what takes anything is mostly no browser. */
export function wantsHtml(accept: string | null): boolean {
  return (accept ?? "").split(",").some((range) =>
    /^\s*text\/html\s*(?:;|$)/i.test(range) && !/;\s*q=0(?:\.0*)?\s*(?:;|$)/i.test(range)
  );
}
