import { checkContentType } from "../../protocol/content_type.ts";

/** Why this is no content type of a stream, as a sentence; nothing where it may be one. */
export function typeProblem(contentType: string): string | undefined {
  try {
    checkContentType(contentType);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
