import { isLinkPattern, LINK_LIMIT_MS } from "../../access/links/link.ts";
import type { HttpRequest, HttpResponse } from "../../http/handler.ts";
import { decodeUtf8 } from "../../protocol/bytes.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import { checkStreamName } from "../../protocol/stream_name.ts";
import { type Asker, requireAdmin } from "../access/guard.ts";
import { jsonResponse } from "../common/json_response.ts";
import type { ServerContext } from "../verbs/context.ts";

const MAX_SECONDS = LINK_LIMIT_MS / 1000;

/**
 * POST of `{name, expiresInSeconds}`: a link that lets whoever has it read that stream (an extension). A link
 * outlives the token of whoever made it, so that only an admin makes one.
 */
export async function signLink(
  context: ServerContext,
  request: HttpRequest,
  asker: Asker,
): Promise<HttpResponse> {
  requireAdmin(asker);
  const { authority } = context.config;
  const body: unknown = parse(decodeUtf8(await context.bodies.read(request)));
  const { name, expiresInSeconds } = linkOf(body);
  const stream = checkStreamName(name);
  if (stream.includes("*")) {
    throw new StreamError(
      { code: "invalid_name" },
      `A link is for a pattern, and ${
        quote(stream)
      } would be one for other streams, too: expected a name ` +
        "without *.",
    );
  }
  if (!isLinkPattern(stream)) {
    throw new StreamError(
      { code: "invalid_name" },
      `A link is for a pattern, and ${
        quote(stream)
      } can't be one: expected a name without a slash at its ` +
        "start, without spaces at its ends, and of at most 64 segments.",
    );
  }
  const encoded = stream.split("/").map(encodeURIComponent).join("/");
  const url = `${context.urls.streamsUrl(request)}/${encoded}`;
  const link = authority?.signLink?.(url, stream, expiresInSeconds * 1000);
  if (link === undefined) {
    throw new StreamError(
      { code: "not_found" },
      "This server signs no links: start it with --link-key and a file.",
    );
  }
  return jsonResponse(200, JSON.stringify({ url: link }));
}

function linkOf(body: unknown): { name: string; expiresInSeconds: number } {
  if (typeof body === "object" && body !== null && "name" in body && "expiresInSeconds" in body) {
    const { name, expiresInSeconds } = body;
    const isGood = typeof name === "string" && typeof expiresInSeconds === "number" &&
      expiresInSeconds >= 1 && expiresInSeconds <= MAX_SECONDS;
    if (isGood) return { name, expiresInSeconds };
  }
  throw new StreamError(
    { code: "invalid_json" },
    "The body isn't a link: expected an object with name, a stream's, and expiresInSeconds, from 1 to " +
      `${MAX_SECONDS}, which is 7 days.`,
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
