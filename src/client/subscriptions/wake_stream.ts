import type { JsonFields } from "./json_fields.ts";

/** A stream of a subscription (PROTOCOL §6.1). */
export interface LinkedStream {
  /** The stream's name. */
  path: string;
  /** `glob` if only the pattern matches it. */
  linkType: "glob" | "explicit";
  /** Up to where it was processed; `-1`, the start, if nothing was. A read from here gets what is pending. */
  ackedOffset: string;
}

/** A stream of a wake (PROTOCOL §7.1, §7.2). */
export interface WakeStream extends LinkedStream {
  /** Where it ended as the wake was made. */
  tailOffset: string;
  /** There is something between the two offsets. */
  hasPending: boolean;
}

/** @throws {MalformedResponse} */
export function linkedStreamIn(fields: JsonFields): LinkedStream {
  return {
    path: fields.text("path"),
    linkType: fields.text("link_type") === "explicit" ? "explicit" : "glob",
    ackedOffset: fields.text("acked_offset"),
  };
}

/** @throws {MalformedResponse} */
export function wakeStreamIn(fields: JsonFields): WakeStream {
  return {
    ...linkedStreamIn(fields),
    tailOffset: fields.text("tail_offset"),
    hasPending: fields.flag("has_pending"),
  };
}
