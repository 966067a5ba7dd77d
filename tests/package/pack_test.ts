import { equal } from "node:assert/strict";
import { withTempDir } from "../support/temp_dir.ts";
import { buildPackage } from "../tools/package_build.ts";
import { runCommand } from "../tools/command.ts";
import { inRepo } from "../tools/repo.ts";

Deno.test("npm pack takes what the package needs, and nothing else", async () => {
  await buildPackage();
  await withTempDir(async (dir) => {
    const flags = ["--json", "--silent", "--ignore-scripts", "--pack-destination", dir];
    const { code, output } = await runCommand(["npm", "pack", ...flags, inRepo()], {
      cwd: dir,
      limitMinutes: 1,
    });
    equal(code, 0, output);
    const [{ files }] = JSON.parse(output);
    const paths: string[] = files.map(({ path }: { path: string }) => path);
    const modules = [
      "mod",
      "client/mod",
      "ai/mod",
      "cli/bin",
      "cli/serve/http_worker",
      "storage/file/catalog/worker",
    ];
    for (
      const wanted of [
        ...modules.flatMap((name) => [`dist/${name}.js`, `dist/${name}.d.ts`, `src/${name}.ts`]),
        ...["LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md", "docs/CLIENT.md"],
      ]
    ) {
      equal(paths.includes(wanted), true, `${wanted} is packed`);
    }
    equal(paths.filter((path) => /^(?:tests|bench|tools|\.ci)\//.test(path)).length, 0);
  });
});
