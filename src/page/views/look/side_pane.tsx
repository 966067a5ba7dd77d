import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** What stands beside the messages, or on a phone over them. */
export function SidePane({ title, onClose, children }: {
  readonly title: string;
  onClose(): void;
  readonly children: ComponentChildren;
}) {
  const body = useRef<HTMLDivElement>(null);
  useEffect(() => body.current?.scrollTo(0, 0), [title]);
  return (
    <aside class="side" aria-label={title}>
      <div class="side-head">
        <h2>{title}</h2>
        <button type="button" class="quiet" onClick={onClose} aria-label="Close" data-close-side>
          <span aria-hidden="true">×</span>
        </button>
      </div>
      <div class="side-body" ref={body} tabIndex={0} role="group" aria-label={title}>
        {children}
      </div>
    </aside>
  );
}
