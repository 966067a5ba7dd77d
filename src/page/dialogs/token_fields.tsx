import { useSignal } from "@preact/signals";
import { tokenRefusal } from "../api/request.ts";
import { signIn } from "../state/session.ts";
import { Field } from "./field.tsx";

/** The field for a token and its button. */
export function TokenFields() {
  const typed = useSignal("");
  const submit = (event: Event) => {
    event.preventDefault();
    if (typed.value.trim() !== "") signIn(typed.value);
  };
  return (
    <form class="dialog-form" onSubmit={submit}>
      <Field
        label="Token"
        hint="Kept in this page's memory only: reload it, and it asks again."
        problem={tokenRefusal.value}
      >
        {(ids) => (
          <input
            {...ids}
            data-first
            type="password"
            class="mono"
            autocomplete="off"
            spellcheck={false}
            value={typed}
            onInput={(event) => typed.value = event.currentTarget.value}
          />
        )}
      </Field>
      <footer class="dialog-foot">
        <button type="submit" class="primary" disabled={typed.value.trim() === ""}>Continue</button>
      </footer>
    </form>
  );
}
