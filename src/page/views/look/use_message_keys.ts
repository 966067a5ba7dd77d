import { useEffect } from "preact/hooks";
import { setKeyTarget } from "../../state/key_target.ts";
import type { LookSession } from "./look_session.ts";

/** Keys move through the messages, wherever in the view the focus is but in a field. */
export function useMessageKeys(
  session: LookSession,
  chosen: number | undefined,
  choose: (number: number | undefined) => void,
): void {
  useEffect(() => {
    const move = (by: number) => {
      const { selection } = session;
      if (selection.size === 0) return;
      const from = chosen === undefined
        ? selection.rowOf(session.lastShown) + (by > 0 ? -1 : 1)
        : selection.rowOf(chosen);
      choose(selection.numberAt(Math.max(0, Math.min(selection.size - 1, from + by))));
    };
    return setKeyTarget({
      move,
      open: () => false,
      escape: () => {
        if (chosen === undefined) return false;
        choose(undefined);
        return true;
      },
    });
  }, [session, chosen]);
}
