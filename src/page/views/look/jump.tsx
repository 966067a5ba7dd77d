import { useRef, useState } from "preact/hooks";
import { type JumpPlace, placeOf } from "./jump_place.ts";

/** The form that takes to an offset or a time. */
export function Jump({ onJump }: { onJump(place: JumpPlace): void }) {
  const input = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    const place = placeOf(input.current?.value.trim() ?? "", Date.now());
    setProblem(
      place === undefined ? "Write an offset, or a time such as 16:45 or 2026-01-31 12:00." : "",
    );
    if (place === undefined) return;
    if (input.current !== null) input.current.value = "";
    onJump(place);
  };
  return (
    <form class="jump" onSubmit={submit}>
      <label class="visually-hidden" for="jump">Offset or time</label>
      <input
        id="jump"
        ref={input}
        placeholder="Offset or time"
        autocomplete="off"
        spellcheck={false}
        aria-invalid={problem !== ""}
        aria-describedby="jump-problem"
      />
      <button type="submit">Go</button>
      <p id="jump-problem" class="problem" role="alert">{problem}</p>
    </form>
  );
}
