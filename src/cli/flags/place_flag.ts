import { ClientError } from "../../client/errors/client_error.ts";
import { parsePlace } from "../../client/transport/place.ts";
import { BadValue, type Flag, optionalFlag } from "./flag.ts";

/** `--offset` of a command that takes a place in a stream. */
export function placeFlag(help: string): Flag<string | undefined> {
  return optionalFlag({
    name: "offset",
    placeholder: "offset",
    help,
    accepts: "an offset or a place",
    default: "",
    defaultText: "",
    commandLineOnly: true,
    parse(text) {
      try {
        parsePlace(text);
      } catch (error) {
        if (error instanceof ClientError) throw new BadValue();
        throw error;
      }
      return text;
    },
  });
}
