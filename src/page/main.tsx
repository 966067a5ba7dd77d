import { render } from "preact";
import { startFeed } from "./state/feed.ts";
import { App } from "./shell/app.tsx";

const root = document.getElementById("app");
if (root !== null) {
  startFeed();
  render(<App />, root);
}
