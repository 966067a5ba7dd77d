import { config } from "../api/config.ts";
import { token } from "../api/request.ts";
import { health, reach } from "../state/feed.ts";
import { may } from "../state/rights.ts";
import { formatRoute, type Route, route } from "../state/route.ts";
import { signOut } from "../state/session.ts";
import { isHelpOpen } from "./keyboard.ts";

/** The page's name, where one can go, and how the server is. */
export function Header() {
  return (
    <header class="bar">
      <a class="brand" href="#/streams/" aria-label="durable-streams, all streams">
        <span class="brand-mark" aria-hidden="true" />
        <span class="brand-name">durable-streams</span>
      </a>
      <nav aria-label="Views">
        <Link to={{ view: "streams", prefix: "" }} label="Streams" />
        <Link to={{ view: "subscriptions" }} label="Subscriptions" />
        {may("admin") && <Link to={{ view: "server" }} label="Server" />}
      </nav>
      <div class="bar-end">
        <Status />
        {config.access && token.value !== undefined && (
          <button type="button" class="quiet" onClick={signOut}>Sign out</button>
        )}
        <button
          type="button"
          class="quiet help-button"
          aria-label="Keys"
          onClick={() => isHelpOpen.value = true}
        >
          <span aria-hidden="true">?</span>
        </button>
      </div>
    </header>
  );
}

function Link({ to, label }: { readonly to: Route; readonly label: string }) {
  const { view } = route.value;
  const isHere = view === to.view || (view === "stream" && to.view === "streams");
  return <a href={formatRoute(to)} {...(isHere && { "aria-current": "page" })}>{label}</a>;
}

const REACH_TEXT = {
  connecting: "Connecting",
  connected: "Connected",
  away: "Server away",
  refused: "Refused",
};

function Status() {
  const isFine = reach.value === "connected";
  const status = isFine ? health.value?.status ?? "ok" : reach.value;
  const text = isFine ? (status === "ok" ? "Healthy" : status) : REACH_TEXT[reach.value];
  return (
    <span class="status" data-status={status} role="status">
      <span class="dot" aria-hidden="true" />
      <span class="status-text">{text}</span>
    </span>
  );
}
