import { Modal } from "../dialogs/modal.tsx";
import { isHelpOpen, KEYS } from "./keyboard.ts";

/** The list of keys, where it is open. */
export function Help() {
  if (!isHelpOpen.value) return null;
  return (
    <Modal title="Keys" onClose={() => isHelpOpen.value = false}>
      <dl class="keys">
        {KEYS.map(([keys, meaning]) => (
          <div key={keys}>
            <dt>{keys.split(/ +/).map((key) => <kbd key={key}>{key}</kbd>)}</dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
