import { formatRoute } from "../state/route.ts";
import { StoredText } from "./text.tsx";

/** A stream's name, or a folder's, whose parts lead to the folders that they are in. */
export function Crumbs({ name }: { readonly name: string }) {
  const parts = name.split("/");
  const last = parts.pop() ?? "";
  return (
    <h1 class="crumbs">
      {name === "" ? "Streams" : <a href={formatRoute({ view: "streams", prefix: "" })}>Streams</a>}
      {parts.map((part, at) => {
        const prefix = `${parts.slice(0, at + 1).join("/")}/`;
        return (
          <span key={prefix}>
            <span class="crumb-slash" aria-hidden="true">/</span>
            <a href={formatRoute({ view: "streams", prefix })}>
              <StoredText text={part === "" ? "(empty)" : part} />
            </a>
          </span>
        );
      })}
      {last !== "" && (
        <span>
          <span class="crumb-slash" aria-hidden="true">/</span>
          <StoredText text={last} />
        </span>
      )}
    </h1>
  );
}
