/** What suite.ts uses of the package, which is installed beside the tests only. */
declare module "@durable-streams/server-conformance-tests" {
  /** Registers the suite's tests with vitest. */
  export function runConformanceTests(
    options: { readonly baseUrl: string; readonly subscriptions: boolean },
  ): void;
}
