import { posix } from "node:path";
import type { Sources } from "./imports.ts";
import { locationOf, perFile, type Violations } from "./violations.ts";

/** The documents that describe the tree as it is now: neither results nor what has changed. */
const DESCRIBES = /^(?!bench\/results\/|CHANGELOG\.md$).*\.md$/;

/** `[text](target)`, but for links to other places and within the document. */
const LINK = /\]\((?!\w+:|#)([^)#\s]+)/g;
/** A file by its name or the end of its path, wherever it stands: `storage/decide.ts`. */
const FILE = /(?<![\w./:@-])((?:[\w.-]+\/)*[\w.-]+\.(?:ts|mjs|py|md|sh))\b(?![\w/])/g;
/** A path from the repository's folder, in prose, in a command or between backticks. */
const FROM_TOP = /(?<![\w./:-])((?:src|tests|bench|tools|docs|deploy|examples)\/[\w./-]*\w\/?)/g;

/** Files that documents name and that are made in a run, or stand for any of a kind. */
const ELSEWHERE =
  /^bench\/(?:results\/local|\.servers)(?:\/|$)|^(?:bench|tests)\/node_modules(?:\/|$)|(?:^|\/)NAME\b/;

/** Each file that a document names by a path or a link is there, and a short name means one file. */
export function checkMentionedPaths(repository: Sources): Violations {
  const tree = new Tree(repository);
  const documents = new Map([...repository].filter(([path]) => DESCRIBES.test(path)));
  return perFile(documents, (document, text) => {
    const nearby = (path: string) => posix.join(posix.dirname(document), path);
    const wrong = new Map<number, string>();
    for (const { index, 1: target = "" } of text.matchAll(LINK)) {
      if (!tree.has(nearby(target))) wrong.set(index, `links to ${target}, which isn't there`);
    }
    for (const { index, 1: path = "" } of text.matchAll(FROM_TOP)) {
      if (!tree.has(path)) wrong.set(index, `names ${path}, which isn't there`);
    }
    for (const { index, 1: name = "" } of text.matchAll(FILE)) {
      if (tree.has(name) || tree.has(nearby(name))) continue;
      const meant = tree.endingIn(name);
      if (meant.length === 0) wrong.set(index, `names ${name}, which isn't there`);
      if (meant.length > 1) wrong.set(index, `names ${name}, which may be ${meant.join(" or ")}`);
    }
    return [...wrong].map(([index, what]) => `${locationOf(document, text, index)}: ${what}`);
  });
}

/** The paths of a repository, folders included. */
class Tree {
  readonly #paths: ReadonlySet<string>;

  constructor(files: Sources) {
    this.#paths = new Set([...files.keys()].flatMap((path) => [path, ...foldersOf(path)]));
  }

  has(path: string): boolean {
    return this.#paths.has(path.replace(/\/$/, "")) || ELSEWHERE.test(path);
  }

  endingIn(name: string): readonly string[] {
    return [...this.#paths].filter((path) => path.endsWith(`/${name}`));
  }
}

function foldersOf(path: string): readonly string[] {
  const folders: string[] = [];
  for (let folder = posix.dirname(path); folder !== "."; folder = posix.dirname(folder)) {
    folders.push(folder);
  }
  return folders;
}
