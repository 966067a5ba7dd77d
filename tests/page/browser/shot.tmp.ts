// args: out place size scheme [js expression]
import { launchChromium } from "../../compat/browser/chromium.ts";
const browser = await launchChromium();
for (const arg of Deno.args) {
  const [out, place, size, scheme, script, base] = arg.split("|");
  const [width, height] = (size ?? "1280x800").split("x").map(Number);
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme || "light",
    hasTouch: width < 500,
    isMobile: width < 500,
  });
  const page = await context.newPage();
  page.on("console", (m: any) => console.log(out, m.type(), m.text().slice(0, 300)));
  page.on("pageerror", (e: any) => console.log(out, "ERR", e.message, e.stack?.slice(0, 400)));
  await page.goto(`${base ?? "http://127.0.0.1:4600"}/ui#${place}`);
  await page.waitForTimeout(2500);
  if (script) {
    for (const step of script.split(";;")) {
      await new Function("page", `return (async()=>{${step}})()`)(page);
      await page.waitForTimeout(300);
    }
  }
  await page.screenshot({ path: `/tmp/pd/shots/${out}.png` });
  await context.close();
}
await browser.close();
