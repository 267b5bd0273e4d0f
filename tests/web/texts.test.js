/** The template holds a sentence for everything the scripts can name. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import test from "node:test";

const read = (path) => readFileSync(new URL(`../../voice/web/${path}`, import.meta.url), "utf8");
const template = read("templates/voice/call.html");
const scripts = readdirSync(new URL("../../voice/web/static/voice/", import.meta.url))
  .filter((name) => name.endsWith(".js"))
  .map((name) => [name, read(`static/voice/${name}`)]);
const source = (name) => read(`static/voice/${name}`);

const sentences = new Set([...template.matchAll(/data-text="([^"]+)"/g)].map(([, name]) => name));
const TOOLS = [
  "consultarOrder",
  "cancelarOrder",
  "crearOrder",
  "agendarTurno",
  "cancelarTurno",
  "modificarTurno",
  "consultarTurno",
  "any",
];

/** The words of a union type in a script's JSDoc. */
function unionOf(name, script) {
  const text = source(script).match(new RegExp(`@(?:typedef|returns) \\{("${name}"[^}]*)\\}`))[1];
  return [...text.matchAll(/"([a-z-]+)"/g)].map(([, word]) => word);
}

test("each state of the call has its word", () => {
  const statuses = unionOf("idle", "call-state.js");
  assert.equal(statuses.length, 13);
  for (const status of statuses) assert.ok(sentences.has(`status-${status}`), status);
});

test("each failure says what to do", () => {
  const failures = unionOf("mic-denied", "failures.js");
  assert.ok(failures.length >= 12);
  for (const failure of failures) assert.ok(sentences.has(`failure-${failure}`), failure);
});

test("each tool has a sentence for each of its outcomes", () => {
  for (const tool of TOOLS) {
    for (const outcome of ["running", "ok", "refused", "failed"]) {
      assert.ok(sentences.has(`tool-${tool}-${outcome}`), `${tool} ${outcome}`);
    }
  }
});

test("each end of a call has its sentence", () => {
  const ours = ["gone", "elsewhere"];
  for (const reason of ["client", "model", "error", "idle", "limit", "refused", ...ours]) {
    assert.ok(sentences.has(`ended-${reason}`), reason);
  }
});

test("no script holds a word for people", () => {
  for (const [name, script] of scripts) {
    const code = script.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
    const spanish = code.match(/"[^"]*([áéíóúñ¿¡]|\b(el|la|su|los|las)\b )[^"]*"/);
    assert.equal(spanish, null, `${name}: ${spanish}`);
  }
});

test("the page holds no inline script and no inline style", () => {
  assert.ok(!/<script(?![^>]*\bsrc=)/.test(template));
  assert.ok(!/<style|\sstyle=|\son[a-z]+=/.test(template));
});
