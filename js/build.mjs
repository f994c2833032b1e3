// Bundles each widget of src/ into one file of claude_nb/render/static, and its style sheet beside it.
//   node build.mjs            writes them
//   node build.mjs --check    compares them with what is committed, and fails if they differ
// The bundles are committed, so that installing the package never needs Node.

import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "..", "claude_nb", "render", "static");
const widgets = ["playground", "lens", "grid", "evaluation", "copy_button"].filter((name) => existsSync(join(here, "src", `${name}.js`)));
const largest = 40_000; // bytes; a bundle travels to the browser with each widget

const built = await build();
const problems = process.argv.includes("--check") ? await compare(built) : await write(built);
for (const [name, bytes] of built) {
  if (name.endsWith(".js") && bytes.length > largest) problems.push(`${name} has ${bytes.length} bytes, more than ${largest}`);
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length ? 1 : 0;

/** @returns {Promise<Map<string, Uint8Array>>} file name -> content */
async function build() {
  const files = new Map();
  if (!widgets.length) return files;
  const entries = widgets.flatMap((name) => [`src/${name}.js`, `src/${name}.css`]).filter((path) => existsSync(join(here, path)));
  const result = await esbuild.build({
    absWorkingDir: here,
    entryPoints: entries,
    outdir: target,
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    charset: "utf8",
    define: { "define.amd": "false" }, // some hosts have RequireJS on the page, and UMD wrappers would call it
    metafile: true,
    write: false,
  });
  for (const file of result.outputFiles) files.set(basename(file.path), file.contents);
  const foreign = Object.keys(result.metafile.inputs).filter((path) => path.includes("node_modules/"));
  if (foreign.length) throw new Error(`the bundles contain other packages: ship their licences too (${foreign.join(", ")})`);
  return files;
}

/**
 * @param {Map<string, Uint8Array>} files
 * @returns {Promise<string[]>}
 */
async function compare(files) {
  const problems = [];
  for (const [name, content] of files) {
    const committed = await readFile(join(target, name)).catch(() => null);
    if (!committed || Buffer.compare(committed, content)) problems.push(`claude_nb/render/static/${name} is not a fresh build of js/; run: make js`);
  }
  for (const name of await strays(files)) problems.push(`claude_nb/render/static/${name} is not made from js/; remove it or run: make js`);
  return problems;
}

/**
 * @param {Map<string, Uint8Array>} files
 * @returns {Promise<string[]>}
 */
async function write(files) {
  await mkdir(target, { recursive: true });
  for (const name of await strays(files)) await rm(join(target, name));
  for (const [name, content] of files) {
    await writeFile(join(target, name), content);
    console.log(`claude_nb/render/static/${name}  ${content.length} bytes`);
  }
  return [];
}

/**
 * Files of static/ that no source makes any more.
 * @param {Map<string, Uint8Array>} files
 */
async function strays(files) {
  const present = existsSync(target) ? await readdir(target) : [];
  return present.filter((name) => !files.has(name));
}
