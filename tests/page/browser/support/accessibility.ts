import { readFileSync } from "node:fs";
import { inRepo } from "../../../tools/repo.ts";
import type { BrowserPage } from "./browser_page.ts";

/** What axe-core says of a page; of its results only what is wrong is asked for. */
interface AxeRun {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

let source: string | undefined;

/**
 * What WCAG A and AA, and what is known to be good practice, find wrong with the page as it is now:
 * a line for each rule and element.
 */
export async function accessibilityFaults(page: BrowserPage): Promise<readonly string[]> {
  source ??= readFileSync(inRepo("tests", "node_modules", "axe-core", "axe.min.js"), "utf8");
  // By the debugger's own call: the page's policy takes no script from anywhere.
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: source });
  const { result } = await session.send("Runtime.evaluate", {
    expression: `axe.run(document, ${JSON.stringify(OPTIONS)}).then(JSON.stringify)`,
    awaitPromise: true,
  });
  await session.detach();
  const { violations }: AxeRun = JSON.parse(result.value);
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${help}: ${html} ${failureSummary ?? ""}`)
  );
}

const OPTIONS = {
  resultTypes: ["violations"],
  // It would fetch the page's style sheets, of which there are none.
  preload: false,
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
};
