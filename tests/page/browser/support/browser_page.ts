import type { launchChromium } from "../../../compat/browser/chromium.ts";

/** A Chromium that runs. */
export type Browser = Awaited<ReturnType<typeof launchChromium>>;

/** A page of it. */
export type BrowserPage = Awaited<ReturnType<Browser["newPage"]>>;
