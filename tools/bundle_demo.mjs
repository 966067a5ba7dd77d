// Run by Bun: bundles the demo's page and writes it to stdout. The AI SDK's hooks, which are made for
// React, are given Preact.
const [entry, ...folders] = process.argv.slice(2);
const INSTEAD = {
  "react": "preact/compat",
  "react-dom": "preact/compat",
  "react/jsx-runtime": "preact/jsx-runtime",
};
const OWN = { "durable-streams/ai": new URL("../src/ai/mod.ts", import.meta.url).pathname };

const { outputs } = await Bun.build({
  entrypoints: [entry],
  minify: true,
  target: "browser",
  format: "esm",
  define: { "process.env.NODE_ENV": '"production"' },
  jsx: { runtime: "automatic", importSource: "preact", development: false },
  plugins: [{
    name: "demo",
    setup(build) {
      build.onResolve({
        filter: /^(react|react-dom|preact|@ai-sdk\/react|durable-streams)(\/.*)?$/,
      }, ({ path }) => {
        if (OWN[path] !== undefined) return { path: OWN[path] };
        const wanted = INSTEAD[path] ?? path;
        for (const folder of folders) {
          try {
            return { path: Bun.resolveSync(wanted, folder) };
          } catch {
            // In the next one.
          }
        }
        throw new Error(`${wanted} isn't installed`);
      });
    },
  }],
});
await Bun.write(Bun.stdout, await outputs[0].text());
