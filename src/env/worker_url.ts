/**
 * Where a worker's program is. In an executable all modules have the program's URL, and of a built
 * module the worker is built, too.
 *
 * @param moduleUrl of the module that starts it and stands beside it
 * @param path of its source in the project
 */
export function workerUrl(moduleUrl: string, path: string): URL {
  if (moduleUrl.includes("/$bunfs/")) return new URL(`./${path}`, moduleUrl);
  const name = path.slice(path.lastIndexOf("/") + 1, path.lastIndexOf("."));
  return new URL(`./${name}${moduleUrl.slice(moduleUrl.lastIndexOf("."))}`, moduleUrl);
}
