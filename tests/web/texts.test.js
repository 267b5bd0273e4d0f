/** The template has a text for everything the scripts can name. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import test from "node:test";

const read = (path) => readFileSync(new URL(`../../voice/web/${path}`, import.meta.url), "utf8");
const template = read("templates/voice/call.html");
const scripts = readdirSync(new URL("../../voice/web/static/voice/", import.meta.url))
  .filter((name) => name.endsWith(".js"))
  .map((name) => [name, read(`static/voice/${name}`)]);
const source = (name) => read(`static/voice/${name}`);

const textNames = new Set([...template.matchAll(/data-text="([^"]+)"/g)].map(([, name]) => name));
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

/** Return the literals of a union type in a script's JSDoc. */
function unionOf(name, script) {
  const text = source(script).match(new RegExp(`@(?:typedef|returns) \\{("${name}"[^}]*)\\}`))[1];
  return [...text.matchAll(/"([a-z-]+)"/g)].map(([, literal]) => literal);
}

test("each status has a text", () => {
  const statuses = unionOf("idle", "call-state.js");
  assert.equal(statuses.length, 15);
  for (const status of statuses) assert.ok(textNames.has(`status-${status}`), status);
});

test("each failure has a text", () => {
  const failures = unionOf("mic-denied", "failures.js");
  assert.ok(failures.length >= 12);
  for (const failure of failures) assert.ok(textNames.has(`failure-${failure}`), failure);
});

test("each tool has a text for each outcome", () => {
  for (const tool of TOOLS) {
    for (const outcome of ["running", "ok", "refused", "failed"]) {
      assert.ok(textNames.has(`tool-${tool}-${outcome}`), `${tool} ${outcome}`);
    }
  }
});

test("each reason for the end of a call has a text", () => {
  const clientReasons = ["gone", "elsewhere"];
  for (const reason of ["client", "model", "error", "idle", "limit", "refused", ...clientReasons]) {
    assert.ok(textNames.has(`ended-${reason}`), reason);
  }
});

test("no script contains a text to show", () => {
  for (const [name, script] of scripts) {
    const code = script.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
    const spanish = code.match(/"[^"]*([áéíóúñ¿¡]|\b(el|la|su|los|las)\b )[^"]*"/);
    assert.equal(spanish, null, `${name}: ${spanish}`);
  }
});

test("the template has no inline script and no inline style", () => {
  assert.ok(!/<script(?![^>]*\bsrc=)/.test(template));
  assert.ok(!/<style|\sstyle=|\son[a-z]+=/.test(template));
});

test("each quality and each test of the self-test has a text", () => {
  const names = [
    ...unionOf("unknown", "connection-quality.js").map((name) => `quality-${name}`),
    ...["secure", "microphone", "sound", "server", "socket"].map((name) => `test-${name}`),
    ...["talk", "mute", "connecting"],
  ];
  for (const name of names) assert.ok(textNames.has(name), name);
});
