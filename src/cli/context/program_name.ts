/** The program's name, with which its messages begin. */
export const PROGRAM = "durable-streams";
