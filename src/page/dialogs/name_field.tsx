import type { Signal } from "@preact/signals";
import { nameProblem } from "../checks/name_check.ts";
import { hello } from "../state/feed.ts";
import { may } from "../state/rights.ts";
import { Field } from "./field.tsx";

/** The name of a new stream, checked as it is typed. */
export function NameField({ label, name }: {
  readonly label: string;
  readonly name: Signal<string>;
}) {
  const problem = name.value === "" ? undefined : nameProblem(name.value) ?? refusal(name.value);
  return (
    <Field label={label} hint="Slashes make folders: orders/2030/eu." problem={problem}>
      {(ids) => (
        <input
          {...ids}
          data-first
          type="text"
          class="mono"
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          dir="auto"
          value={name}
          onInput={(event) => name.value = event.currentTarget.value}
        />
      )}
    </Field>
  );
}

function refusal(name: string): string | undefined {
  return hello.value === undefined || may("create", name)
    ? undefined
    : "Your token doesn't allow a stream of this name.";
}
