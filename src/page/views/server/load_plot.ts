import type uPlot from "uplot";
import { controlUrl } from "../../api/config.ts";
import { call } from "../../api/request.ts";

/** What draws a chart. */
export type PlotLibrary = typeof uPlot;

declare global {
  /** What the fetched script leaves behind. */
  var chartLibrary: PlotLibrary | undefined;
  /** Browsers that check what becomes a script have it. */
  var trustedTypes: {
    createPolicy(
      name: string,
      rules: { createScript(text: string): string },
    ): { createScript(text: string): string };
  } | undefined;
}

let loading: Promise<PlotLibrary> | undefined;

/**
 * The library, fetched once. The page's Content-Security-Policy has its hash: the browser runs this very
 * text, or nothing.
 *
 * @throws {ApiError} where it can't be had; the next call asks again
 */
export function loadPlot(): Promise<PlotLibrary> {
  loading ??= load().catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load(): Promise<PlotLibrary> {
  const text = await (await call(controlUrl("page/charts"))).text();
  const script = document.createElement("script");
  script.text = scriptOf(text);
  document.head.append(script);
  script.remove();
  if (globalThis.chartLibrary === undefined) {
    throw new Error("The charts are of another version of the server: load the page again.");
  }
  return globalThis.chartLibrary;
}

function scriptOf(text: string): string {
  const policy = globalThis.trustedTypes?.createPolicy("charts", { createScript: (text) => text });
  return policy === undefined ? text : policy.createScript(text);
}
