import { effect } from "@preact/signals";
import { hello } from "./feed.ts";

let aheadMs = 0;

// As it says hello: later on its words are of the past.
effect(() => {
  const said = hello.value;
  aheadMs = said === undefined ? 0 : said.now - Date.now();
});

/** Milliseconds since 1970 by the server's clock: this machine's may be another. */
export function serverNowMs(): number {
  return Date.now() + aheadMs;
}
