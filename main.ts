/** The program: `durable-streams [serve] [flags]`. */
console.log("hello");
