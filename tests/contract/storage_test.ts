import { openFile, openMemory, openRemote, TINY } from "./open_kits.ts";
import { describeStorage } from "./storage_contract.ts";

describeStorage("memory", openMemory);
describeStorage("memory in another thread", openRemote(openMemory));
describeStorage("file", openFile({}, "nothing"));
describeStorage("file in another thread", openRemote(openFile({}, "nothing")));
describeStorage("file, checkpoints", openFile(TINY, "checkpoint"));
describeStorage("file, reopened", openFile(TINY, "reopen"), "sliding");
describeStorage("file, reopened or killed", openFile(TINY, "reopen or crash"), "but sliding");
