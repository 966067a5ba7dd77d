import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

/** What the element in a field has to carry. */
export interface FieldIds {
  readonly id: string;
  readonly "aria-describedby": string;
  readonly "aria-invalid": boolean;
}

/** A label, what it labels, and below it a hint or what is wrong. The line for those is always there. */
export function Field({ label, hint = "", problem, children }: {
  readonly label: string;
  readonly hint?: string;
  /** What is wrong with the value; it takes the hint's place. */
  readonly problem?: string | undefined;
  /** The element, given its ids. */
  readonly children: (ids: FieldIds) => ComponentChildren;
}) {
  const id = useId();
  const noteId = `${id}-note`;
  const isWrong = problem !== undefined;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": noteId, "aria-invalid": isWrong })}
      <p id={noteId} class={isWrong ? "field-note wrong" : "field-note"} aria-live="polite">
        {problem ?? hint}
      </p>
    </div>
  );
}
