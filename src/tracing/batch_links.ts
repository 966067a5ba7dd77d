import type { TraceContext } from "./trace_context.ts";
import { LINKS_LIMIT } from "./tracer.ts";

/** The recorded ones of what a batch's records come of, at most {@link LINKS_LIMIT} of them. */
export function batchLinks(
  effects: readonly { readonly trace?: TraceContext | undefined }[],
): { links: readonly TraceContext[]; droppedLinks: number } {
  const links: TraceContext[] = [];
  let droppedLinks = 0;
  for (const { trace } of effects) {
    if (trace === undefined || !trace.isSampled) continue;
    if (links.length < LINKS_LIMIT) links.push(trace);
    else droppedLinks++;
  }
  return { links, droppedLinks };
}
