/** What is used of `echarts`, which is installed under bench/ only. */
declare module "echarts" {
  export function init(
    element: null,
    theme: null,
    options: { renderer: "svg"; ssr: true; width: number | undefined; height: number | undefined },
  ): {
    setOption(option: unknown): void;
    renderToSVGString(): string;
    dispose(): void;
  };
}
