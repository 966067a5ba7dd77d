import { deepStrictEqual as equal, ok } from "node:assert";
import process from "node:process";
import { measureAppends } from "../../bench/in_process/append.ts";
import { libraryAppender } from "../../bench/in_process/library_appender.ts";
import { measureListing } from "../../bench/in_process/list.ts";
import type { Appender, AppenderParts, AppendLoad } from "../../bench/in_process/load.ts";
import { portAppender } from "../../bench/in_process/port_appender.ts";
import { storageAppender } from "../../bench/in_process/storage_appender.ts";
import { wireAppender } from "../../bench/in_process/wire_appender.ts";
import { natsTest } from "../support/nats/find_nats_server.ts";
import { NatsCluster } from "../support/nats/nats_cluster.ts";

const GROUP = 3;
const LOAD: AppendLoad = {
  kind: "append",
  streams: 2,
  group: GROUP,
  appendBytes: 100,
  warmSeconds: 0,
  seconds: 0.1,
};
const WATCHED = { pid: process.pid, diskStat: undefined };

natsTest("whoever appends without HTTP stores groups, and so does each bare client", async () => {
  await using cluster = await NatsCluster.start({ servers: 1 });
  const makers: ((parts: AppenderParts) => Promise<Appender>)[] = [
    storageAppender,
    portAppender,
    libraryAppender,
    wireAppender,
  ];
  for (const make of makers) {
    const appender = await make({ urls: cluster.urls, load: LOAD });
    const { units, errors, firstError } = await measureAppends(appender, LOAD, WATCHED);
    await appender.close();
    equal({ errors, firstError }, { errors: 0, firstError: undefined }, make.name);
    const messages = appender.messages?.() ?? 0;
    ok(units > 0 && messages > 0, `${make.name}: ${units} appends in ${messages} messages`);
  }
});

natsTest("all streams that were made are listed", async () => {
  await using cluster = await NatsCluster.start({ servers: 1 });
  const load = { kind: "list", streams: 20, bodyBytes: 100 } as const;
  const { units, errors } = await measureListing(cluster.urls, load, WATCHED);
  equal({ units, errors }, { units: 20, errors: 0 });
});
