import { EXIT } from "../exit_code.ts";
import { onlyName } from "./session.ts";
import { PATH, streamVerb } from "./stream_verb.ts";

/** `durable-streams delete PATH`: the stream and all it holds. */
export const deleteVerb = streamVerb({
  name: "delete",
  summary: "Delete a stream and all that it holds.",
  details: "\nIt doesn't ask. Where there is no such stream it exits 3.",
  words: [PATH],
  flags: {},
  async run({ session }) {
    await session.client.delete(onlyName(session));
    return EXIT.ok;
  },
});
