import { render } from "preact";
import { startFeed } from "./state/feed.ts";
import { App } from "./shell/app.tsx";
import { startKeyboard } from "./shell/keyboard.ts";

const root = document.getElementById("app");
if (root !== null) {
  startFeed();
  startKeyboard();
  render(<App />, root);
}
