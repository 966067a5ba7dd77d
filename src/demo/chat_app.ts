import { pipeChat } from "../ai/pipe_chat.ts";
import { stopChat } from "../ai/stop_chat.ts";
import { ClientError } from "../client/errors/client_error.ts";
import type { Client } from "../client/client.ts";
import { DEMO_CONFIG_MARK, DEMO_HTML } from "./document.ts";
import { typeSlowly } from "./slow_model.ts";

/** What the demo's application needs. */
export interface ChatAppOptions {
  readonly client: Client;
  /** The streams' URL as the page reaches it. */
  readonly streamsUrl: string;
  /** How long the model thinks about each word. */
  readonly wordMs: number;
}

/** Short, so that a killed worker is seen soon. */
const LEASE_MS = 4_000;

/** The routes of the demo: the page, `POST /api/chat` and `POST /api/chat/stop`. */
export function chatApp(options: ChatAppOptions): (request: Request) => Promise<Response> {
  return async (request) => {
    const { pathname } = new URL(request.url);
    const route = `${request.method} ${pathname}`;
    if (route === "GET /") return page(options);
    if (route !== "POST /api/chat" && route !== "POST /api/chat/stop") {
      return new Response("Not found.\n", { status: 404 });
    }
    // Of a page of another origin, which would have to ask first, this is the sign.
    if (!request.headers.get("content-type")?.startsWith("application/json")) {
      return new Response("A JSON body is expected.\n", { status: 415 });
    }
    try {
      const fields: unknown = await request.json();
      return await (pathname === "/api/chat" ? ask(options, fields) : stop(options, fields));
    } catch (error) {
      const isTheirs = error instanceof SyntaxError ||
        (error instanceof ClientError && /^(?:invalid_argument|bad_request)$/.test(error.code));
      const text = error instanceof Error ? error.message : String(error);
      return new Response(`${text}\n`, { status: isTheirs ? 400 : 503 });
    }
  };
}

function page({ streamsUrl }: ChatAppOptions): Response {
  const config = JSON.stringify({ streams: streamsUrl }).replaceAll("<", "\\u003c");
  return new Response(DEMO_HTML.replace(DEMO_CONFIG_MARK, () => config), {
    headers: { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" },
  });
}

async function ask({ client, wordMs }: ChatAppOptions, fields: unknown): Promise<Response> {
  const messages = listIn(fields, "messages");
  const piped = await pipeChat({
    client,
    chat: textIn(fields, "id") ?? "",
    answer: textIn(fields, "answer"),
    messages,
    leaseMs: LEASE_MS,
    source: ({ signal }) => typeSlowly(questionIn(messages), { wordMs, signal }),
  });
  return piped.response();
}

async function stop({ client }: ChatAppOptions, fields: unknown): Promise<Response> {
  const stopped = await stopChat({
    client,
    chat: textIn(fields, "id") ?? "",
    answer: textIn(fields, "answer"),
    silentAt: textIn(fields, "silentAt"),
  });
  return Response.json({ stopped });
}

/** The text of the last message. */
function questionIn(messages: readonly unknown[]): string {
  return listIn(messages.at(-1), "parts").map((part) => textIn(part, "text") ?? "").join("");
}

function fieldIn(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}

function textIn(value: unknown, name: string): string | undefined {
  const field = fieldIn(value, name);
  return typeof field === "string" ? field : undefined;
}

function listIn(value: unknown, name: string): readonly unknown[] {
  const field = fieldIn(value, name);
  return Array.isArray(field) ? field : [];
}
