import type { StreamRoute } from "../../state/route.ts";
import { StoredText } from "../../ui/text.tsx";

/** One stream. */
export function LookView({ at }: { readonly at: StreamRoute }) {
  return (
    <h1>
      <StoredText text={at.name} />
    </h1>
  );
}
