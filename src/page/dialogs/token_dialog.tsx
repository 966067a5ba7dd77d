import { signOut } from "../state/session.ts";
import { Modal } from "./modal.tsx";
import { TokenFields } from "./token_fields.tsx";

/** Asks for another token above all that is open, so that nothing that was typed is lost. */
export function TokenDialog() {
  return (
    <Modal title="The server asks for another token" onClose={signOut}>
      <TokenFields />
    </Modal>
  );
}
