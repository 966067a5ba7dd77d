import { useEffect, useState } from "preact/hooks";
import { tokenPosition } from "../../../protocol/offset.ts";
import { fetchDetails, type StreamDetails } from "../../api/streams.ts";
import { formatRoute } from "../../state/route.ts";
import { StoredText } from "../../ui/text.tsx";

/** So many sources of sources are looked up. */
const ANCESTORS = 8;

interface Ancestor {
  /** Undefined where the page may not know it. */
  readonly name: string | undefined;
  /** Where what comes below branches off. */
  readonly offset: string;
}

/** Where a stream comes from and what was forked from it: each a way to walk. */
export function ForkTree({ details }: { readonly details: StreamDetails }) {
  const ancestors = useAncestors(details);
  const forks = details.forks ?? [];
  if (ancestors.length === 0 && forks.length === 0) {
    return <p class="soft">It is no fork, and has none.</p>;
  }
  const own = (
    <li>
      <strong>
        <StoredText text={details.name} />
      </strong>
      {forks.length > 0 && (
        <ul>
          {forks.map((name) => (
            <li key={name}>
              <StreamLink name={name} />
            </li>
          ))}
        </ul>
      )}
    </li>
  );
  return (
    <ul class="fork-tree">
      {ancestors.reduce(
        (below, { name, offset }) => (
          <li>
            {name === undefined ? <span class="soft">A stream</span> : <StreamLink name={name} />}
            <span class="soft">at {tokenPosition(offset) ?? offset}</span>
            <ul>{below}</ul>
          </li>
        ),
        own,
      )}
    </ul>
  );
}

function StreamLink({ name }: { readonly name: string }) {
  return (
    <a href={formatRoute({ view: "stream", name, tab: "about" })}>
      <StoredText text={name} />
    </a>
  );
}

/** The source, its source and so on, nearest first. */
function useAncestors(details: StreamDetails): readonly Ancestor[] {
  const [ancestors, setAncestors] = useState<readonly Ancestor[]>([]);
  useEffect(() => {
    const controller = new AbortController();
    const walk = async () => {
      const found: Ancestor[] = [];
      let source = details.forkedFrom;
      while (source && found.length < ANCESTORS) {
        found.push({ name: source.name, offset: source.offset });
        setAncestors([...found]);
        if (source.name === undefined) return;
        source = (await fetchDetails(source.name, controller.signal)).forkedFrom;
      }
      setAncestors(found);
    };
    // What of it can be told is shown.
    walk().catch(() => {});
    return () => controller.abort();
  }, [details]);
  return ancestors;
}
