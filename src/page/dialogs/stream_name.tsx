import { StoredText } from "../ui/text.tsx";

/** A stream's name within a sentence. */
export function StreamName({ name }: { readonly name: string }) {
  return (
    <code class="stream-name">
      <StoredText text={name} />
    </code>
  );
}
