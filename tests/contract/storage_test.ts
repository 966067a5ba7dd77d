import { openFile, openMemory, TINY } from "./open_kits.ts";
import { describeStorage } from "./storage_contract.ts";

describeStorage("memory", openMemory);
describeStorage("file", openFile({}, "nothing"));
describeStorage("file, checkpoints", openFile(TINY, "checkpoint"));
describeStorage("file, reopened", openFile(TINY, "reopen"));
describeStorage("file, killed", openFile(TINY, "crash"), { killed: true });
