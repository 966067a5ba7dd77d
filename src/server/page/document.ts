// Made by `deno task page` from src/page. Do not edit.

/** The page, but for its configuration. */
export const PAGE_HTML: string =
  '<!doctype html><html lang="en"><title>durable-streams</title><script type="application/json" id="config">__PAGE_CONFIG__</script></html>';

/** What stands in {@link PAGE_HTML} where the configuration goes. */
export const PAGE_CONFIG_MARK = "__PAGE_CONFIG__";

/** The hash of its script, for the Content-Security-Policy. */
export const PAGE_SCRIPT_HASH = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

/** The hash of its style sheet, for the Content-Security-Policy. */
export const PAGE_STYLE_HASH = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
