import { openFile, openMemory, openNats, openRemote, TINY } from "./open_kits.ts";
import { describeStorage } from "./storage_contract.ts";

describeStorage("memory", openMemory);
describeStorage("memory in another thread", openRemote(openMemory));
describeStorage("file", openFile({}, "nothing"));
describeStorage("file in another thread", openRemote(openFile({}, "nothing")));
describeStorage("file, checkpoints", openFile(TINY, "checkpoint"));
describeStorage("file, reopened", openFile(TINY, "reopen"), "sliding");
describeStorage("file, reopened or killed", openFile(TINY, "reopen or crash"), "but sliding");
describeStorage("nats, one front end", openNats(1));
describeStorage("nats, one front end, small caches", openNats(1, true));
describeStorage("nats, several front ends", openNats(3, true), "but sliding");
describeStorage(
  "nats, several front ends that send each other all appends",
  openNats(3, false, "always"),
  "but sliding",
);
