import type { ListedFolder, ListedStream } from "../../api/streams.ts";
import { formatRoute } from "../../state/route.ts";
import { formatAge, formatBytes, formatCount, formatDuration, timeOf } from "../../ui/figures.ts";
import { Highlighted } from "../../ui/highlighted.tsx";
import { now } from "../../ui/now.ts";
import { StoredText } from "../../ui/text.tsx";

/** A folder of the tree. */
export function FolderRow(
  { folder, prefix }: { readonly folder: ListedFolder; readonly prefix: string },
) {
  const { name, count } = folder;
  const label = name.slice(prefix.length);
  return (
    <li>
      <a class="row row-folder" href={formatRoute({ view: "streams", prefix: name })} data-row>
        <span class="row-name">
          <span class="folder-mark" aria-hidden="true" />
          <StoredText text={label === "/" ? "(empty)/" : label} />
        </span>
        <span class="soft">{count === undefined ? "Folder" : `${formatCount(count)} streams`}</span>
      </a>
    </li>
  );
}

/** A stream with what can be said of it on a line. */
export function StreamRow({ stream, prefix, query }: {
  readonly stream: ListedStream;
  readonly prefix: string;
  readonly query: string;
}) {
  const { name, contentType, size, readers } = stream;
  return (
    <li>
      <a class="row" href={formatRoute({ view: "stream", name })} data-row>
        <span class="row-name">
          <Highlighted text={name.slice(prefix.length) || name} part={query} />
        </span>
        <span class="row-type">
          <StoredText text={contentType} />
        </span>
        <span class="row-size number right">{size === undefined ? "" : formatBytes(size)}</span>
        <span class="row-age number right">{ageOf(stream)}</span>
        <span class="row-readers number right">
          {readers
            ? (
              <>
                {formatCount(readers)}
                <span class="phone-only">reading</span>
              </>
            )
            : ""}
        </span>
        <span class="row-state">{stateOf(stream)}</span>
      </a>
    </li>
  );
}

/** A stream by its name alone. */
export function NameRow({ name }: { readonly name: string }) {
  return (
    <li>
      <a class="chip" href={formatRoute({ view: "stream", name })} data-row>
        <StoredText text={name} />
      </a>
    </li>
  );
}

function ageOf({ lastAppendAt }: ListedStream): string {
  const ms = timeOf(lastAppendAt);
  return ms === undefined ? "" : formatAge(now.value - ms);
}

function stateOf({ closed, expiresAt, ttlSeconds, forkOffset }: ListedStream): string {
  const parts: string[] = [];
  if (closed) parts.push("Closed");
  const expiresMs = timeOf(expiresAt);
  if (expiresMs !== undefined) {
    parts.push(`Expires in ${formatDuration(Math.max(0, expiresMs - now.value))}`);
  } else if (ttlSeconds !== undefined) {
    parts.push(`TTL ${formatDuration(ttlSeconds * 1000)}`);
  }
  if (forkOffset !== undefined) parts.push("Fork");
  return parts.length === 0 ? "Open" : parts.join(", ");
}
