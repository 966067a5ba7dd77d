/** vitest finds tests by pattern only, and never inside node_modules. */
export default {
  test: {
    include: ["conformance/suite.ts"],
    // Two tests wait for the server's own long-poll, which takes 30 s.
    testTimeout: 40_000,
  },
};
