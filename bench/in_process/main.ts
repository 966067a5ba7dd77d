/**
 * Makes its load itself, as `POST /run` asks it to, on Deno and on Bun.
 * `main.ts storage|port|library|wire NATS_URLS NATS_PIDS`
 */
import process from "node:process";
import type { Measurement, Watched } from "../generator/commands.ts";
import { serve } from "../servers/serve.ts";
import { measureAppends } from "./append.ts";
import { libraryAppender } from "./library_appender.ts";
import { measureListing } from "./list.ts";
import type { Appender, AppenderParts, InProcessLoad, InProcessReply } from "./load.ts";
import { portAppender } from "./port_appender.ts";
import { storageAppender } from "./storage_appender.ts";
import { wireAppender } from "./wire_appender.ts";

const APPENDERS: Readonly<Record<string, (parts: AppenderParts) => Promise<Appender>>> = {
  storage: storageAppender,
  port: portAppender,
  library: libraryAppender,
  wire: wireAppender,
};

const [, , name = "", urlList = "", pidList = ""] = process.argv;
const urls = urlList.split(",");
const watched: Watched = {
  pid: process.pid,
  clusterPids: pidList.split(",").map(Number),
  diskStat: undefined,
};

async function run(load: InProcessLoad): Promise<Measurement> {
  if (load.kind === "list") return await measureListing(urls, load, watched);
  const appender = await APPENDERS[name]?.({ urls, load });
  if (appender === undefined) throw new Error(`"${name}" appends nothing`);
  try {
    return await measureAppends(appender, load, watched);
  } finally {
    await appender.close();
  }
}

async function answer(request: Request): Promise<InProcessReply> {
  try {
    const load: InProcessLoad = await request.json();
    return { ok: true, measurement: await run(load) };
  } catch (error) {
    return {
      ok: false,
      error: error instanceof Error ? error.stack ?? error.message : String(error),
    };
  }
}

serve(async (request) =>
  request.method === "POST" ? Response.json(await answer(request)) : new Response("ok")
);
