import { TokenFields } from "../dialogs/token_fields.tsx";

/** What stands in the place of every view until there is a token. */
export function TokenForm() {
  return (
    <section class="token-form">
      <h1>This server asks for a token</h1>
      <p>
        Whoever runs it makes one with <code>durable-streams token create</code>.
      </p>
      <TokenFields />
    </section>
  );
}
