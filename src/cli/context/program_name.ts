/** What users type to run the program, and what its messages begin with. */
export const PROGRAM = "durable-streams";
