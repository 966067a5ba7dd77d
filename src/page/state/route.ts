import { signal } from "@preact/signals";
import { decodeName, encodeName } from "../api/encode_name.ts";

/** How a stream's messages are shown. */
export type MessageMode = "list" | "text" | "hex" | "media";

/** The streams' view. */
export interface StreamsRoute {
  readonly view: "streams";
  /** The folder of the tree, with the slash at its end; empty at the top. */
  readonly prefix: string;
  /** What is looked for. */
  readonly query?: string;
}

/** One stream's view. */
export interface StreamRoute {
  readonly view: "stream";
  readonly name: string;
  /** Where to begin: an offset, `-1`; the last messages unless given. */
  readonly offset?: string;
  /** Where to begin, as a time. */
  readonly time?: string;
  readonly mode?: MessageMode;
  /** A condition on JSON messages. */
  readonly filter?: string;
  /** What is searched for in the loaded messages. */
  readonly search?: string;
  /** The side that is open beside the messages. */
  readonly tab?: string;
}

/** The server's view. */
export interface ServerRoute {
  readonly view: "server";
  /** How much of the past; the last minutes unless given. */
  readonly range?: "day";
  /** The streams whose rates are compared, two at most. */
  readonly compare?: readonly string[];
}

/** The subscriptions' view, or one of them. */
export interface SubscriptionsRoute {
  readonly view: "subscriptions";
  readonly id?: string;
}

/** A place in the page; its address leads back to it. */
export type Route = StreamsRoute | StreamRoute | ServerRoute | SubscriptionsRoute;

const MESSAGE_MODES: readonly MessageMode[] = ["list", "text", "hex", "media"];

/** The hash of a route, `#` included. */
export function formatRoute(route: Route): string {
  switch (route.view) {
    case "streams":
      return withQuery(`#/streams/${encodeName(route.prefix)}`, { q: route.query });
    case "stream": {
      const { offset, time, mode, filter, search, tab } = route;
      return withQuery(`#/stream/${encodeName(route.name)}`, {
        offset,
        time,
        view: mode,
        filter,
        search,
        tab,
      });
    }
    case "server":
      return withQuery("#/server", {
        range: route.range,
        a: route.compare?.[0],
        b: route.compare?.[1],
      });
    case "subscriptions":
      return route.id === undefined
        ? "#/subscriptions"
        : `#/subscriptions/${encodeURIComponent(route.id)}`;
  }
}

/** The route of a hash; the top of the streams where it is none. */
export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = splitOnce(hash.replace(/^#/, ""), "?");
  const [, kind = "", rest] = /^\/([a-z]+)(?:\/([^]*))?$/.exec(path) ?? [];
  const name = decodeName(rest ?? "") ?? "";
  const parameters = new URLSearchParams(query);
  if (kind === "server") return serverRoute(parameters);
  if (kind === "subscriptions") {
    return { view: "subscriptions", ...(name !== "" && { id: name }) };
  }
  if (kind === "stream" && name !== "") return streamRoute(name, parameters);
  const text = parameters.get("q");
  return { view: "streams", prefix: kind === "streams" ? name : "", ...(text && { query: text }) };
}

function streamRoute(name: string, parameters: URLSearchParams): StreamRoute {
  const texts = ["offset", "time", "filter", "search", "tab"] as const;
  const mode = MESSAGE_MODES.find((mode) => mode === parameters.get("view"));
  const given = texts.flatMap((key) => {
    const value = parameters.get(key);
    return value === null || value === "" ? [] : [[key, value]];
  });
  return { view: "stream", name, ...(mode && { mode }), ...Object.fromEntries(given) };
}

function serverRoute(parameters: URLSearchParams): ServerRoute {
  const compare = [parameters.get("a"), parameters.get("b")].filter((name) => name !== null);
  return {
    view: "server",
    ...(parameters.get("range") === "day" && { range: "day" }),
    ...(compare.length > 0 && { compare }),
  };
}

function withQuery(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const parts = Object.entries(query).flatMap(([key, value]) =>
    value === undefined || value === "" ? [] : [`${key}=${encodeURIComponent(value)}`]
  );
  return parts.length === 0 ? path : `${path}?${parts.join("&")}`;
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** Where the page is. */
export const route = signal<Route>(parseRoute(location.hash));
addEventListener("hashchange", () => route.value = parseRoute(location.hash));

/** Goes to a place, which the browser's history remembers. */
export function goTo(to: Route): void {
  location.hash = formatRoute(to);
}

/** Changes the address of the place where the page is, without a step in the history. */
export function replaceRoute(to: Route): void {
  history.replaceState(null, "", formatRoute(to));
  route.value = to;
}
