import { useRef } from "preact/hooks";
import { tokenRefusal } from "../api/request.ts";
import { signIn } from "../state/session.ts";

/** Asks for the token that the server wants. It is kept in memory, and gone with the page. */
export function TokenForm() {
  const input = useRef<HTMLInputElement>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    const text = input.current?.value.trim() ?? "";
    if (text !== "") signIn(text);
  };
  const refusal = tokenRefusal.value;
  return (
    <form class="token-form" onSubmit={submit}>
      <h1>This server asks for a token</h1>
      <p>The page keeps it in memory only: reload, and it asks again.</p>
      <label for="token">Token</label>
      <input
        id="token"
        ref={input}
        type="password"
        autocomplete="off"
        spellcheck={false}
        aria-invalid={refusal !== undefined}
        aria-describedby="token-refusal"
      />
      <p id="token-refusal" class="problem" role="alert">{refusal}</p>
      <button type="submit" class="primary">Go on</button>
    </form>
  );
}
