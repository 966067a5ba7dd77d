import { readTextFile } from "../../env/text_file.ts";
import type { ConfigFile } from "../flags/flag_values.ts";
import { UsageError } from "../flags/usage_error.ts";
import { type ConfigForm, parseConfig } from "./parse_config.ts";

/** Longer files are no configuration. */
const LIMIT_BYTES = 1024 * 1024;

/**
 * Reads a configuration file.
 *
 * @throws {UsageError} where it can't be read
 * @throws {ConfigError} every mistake in it by its line
 */
export function loadConfig(path: string, form: ConfigForm): ConfigFile {
  let source: string;
  try {
    source = readTextFile(path, LIMIT_BYTES);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(
      `the configuration ${JSON.stringify(path)} can't be read: ${error.message}`,
    );
  }
  if (source.includes("\uFFFD")) {
    throw new UsageError(`the configuration ${JSON.stringify(path)} can't be read: it isn't UTF-8`);
  }
  return parseConfig(path, source.replace(/^\uFEFF/, ""), form);
}
