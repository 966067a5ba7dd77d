/** The program's version: package.json's, which a built program doesn't have beside it. */
export const version = "0.1.0";
