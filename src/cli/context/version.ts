/** The program's version, as in package.json, which a built program doesn't have beside it. */
export const version = "0.1.0";
