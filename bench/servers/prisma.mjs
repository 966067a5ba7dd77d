/** Starts Prisma's server (on Bun), its objects beside its database: `prisma.mjs DIRECTORY PORT` */
import process from "node:process";

const [directory, port] = process.argv.slice(2);
process.env.DS_ROOT = directory;
process.env.DS_HOST = "127.0.0.1";
process.env.PORT = port;
process.argv.push("--object-store", "local", "--no-auth");
await import("@prisma/streams-server");
