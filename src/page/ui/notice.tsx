import { notice } from "../state/notice.ts";

/** What was done last, for eyes and for screen readers. Its element is always there, or it isn't read out. */
export function Notice() {
  return (
    <div class="notice" role="status">
      {notice.value !== "" && <p>{notice.value}</p>}
    </div>
  );
}
