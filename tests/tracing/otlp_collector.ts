import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** A span as a collector gets it. */
export interface CollectedSpan {
  readonly service: string;
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly attributes: ReadonlyMap<string, string>;
  /** As `TRACE-SPAN`. */
  readonly links: readonly string[];
  readonly durationMs: number;
}

/** A collector of OTLP over HTTP with JSON, on this machine. */
export interface Collector {
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  /** All that came, as it came. */
  readonly text: string;
  /** The headers of the newest request. */
  readonly headers: IncomingMessage["headers"];
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a collector; `isSilent`: it never answers. */
export async function startCollector(isSilent = false): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  const collected = { spans, text: "", headers: {} };
  const server = createServer(async (request, response) => {
    collected.headers = request.headers;
    let body = "";
    for await (const part of request.setEncoding("utf8")) body += part;
    if (request.url !== "/v1/traces" || request.method !== "POST") {
      return void response.writeHead(404).end();
    }
    collected.text += body;
    collected.spans.push(...spansOf(JSON.parse(body)));
    if (!isSilent) response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(collected, {
    url: `http://127.0.0.1:${portOf(server.address())}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  });
}

/** The port of a server that listens on one. */
export function portOf(address: AddressInfo | string | null): number {
  return typeof address === "object" && address !== null ? address.port : 0;
}

type Json = { readonly [key: string]: unknown };

function spansOf(request: unknown): CollectedSpan[] {
  return objects(request, "resourceSpans").flatMap((part) => {
    const resource = attributesOf(objectOf(part, "resource"));
    const service = resource.get("service.name") ?? "";
    return objects(part, "scopeSpans").flatMap((scope) => objects(scope, "spans"))
      .map((span) => spanOf(service, span));
  });
}

function spanOf(service: string, span: Json): CollectedSpan {
  return {
    service,
    name: String(span["name"]),
    kind: Number(span["kind"]),
    traceId: String(span["traceId"]),
    spanId: String(span["spanId"]),
    parentSpanId: String(span["parentSpanId"] ?? ""),
    attributes: attributesOf(span),
    links: objects(span, "links").map((link) => `${link["traceId"]}-${link["spanId"]}`),
    durationMs: Number(
      BigInt(String(span["endTimeUnixNano"])) - BigInt(String(span["startTimeUnixNano"])),
    ) / 1e6,
  };
}

/** Values as texts. */
function attributesOf(owner: Json): Map<string, string> {
  return new Map(
    objects(owner, "attributes").map((attribute) => {
      const value = Object.values(objectOf(attribute, "value"))[0];
      return [String(attribute["key"]), String(value)];
    }),
  );
}

function objects(owner: unknown, key: string): Json[] {
  const value = isObject(owner) ? owner[key] : undefined;
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function objectOf(owner: Json, key: string): Json {
  const value = owner[key];
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null;
}
