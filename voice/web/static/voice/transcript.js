// @ts-check
/**
 * Draws the conversation: one element a line, made from the template's own and changed only where
 * the line has changed. Screen readers hear what was spoken; what is only planned is kept from them,
 * or they would talk at the same time as the assistant.
 */

import { part } from "./page-parts.js";

/** @typedef {import("./conversation.js").Line} Line */
/** @typedef {import("./conversation.js").SpeechLine} SpeechLine */
/** @typedef {import("./conversation.js").Segment} Segment */
/** @typedef {import("./conversation.js").ToolLine} ToolLine */

/** Closer to the end than this, the reader is following and wants to see what comes. */
const FOLLOWING_PX = 120;

const SECONDS = new Intl.NumberFormat(document.documentElement.lang, {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

export class Transcript {
  #texts;
  #root = part("transcript", HTMLElement);
  /** @type {Map<string, { line: string, element: HTMLElement }>} */
  #drawn = new Map();

  /** @param {import("./texts.js").Texts} texts */
  constructor(texts) {
    this.#texts = texts;
  }

  /** @param {Line[]} lines */
  draw(lines) {
    const following = this.#isFollowing();
    const elements = lines.map((line) => this.#elementOf(line));
    this.#removeAllBut(new Set(lines.map((line) => line.id)));
    elements.forEach((element, i) => {
      if (this.#root.children[i] !== element) {
        this.#root.insertBefore(element, this.#root.children[i] ?? null);
      }
    });
    if (following) this.#root.scrollTop = this.#root.scrollHeight;
  }

  #isFollowing() {
    const { scrollHeight, scrollTop, clientHeight } = this.#root;
    return scrollHeight - scrollTop - clientHeight < FOLLOWING_PX;
  }

  /** @param {Set<string>} ids */
  #removeAllBut(ids) {
    for (const [id, { element }] of this.#drawn) {
      if (ids.has(id)) continue;
      element.remove();
      this.#drawn.delete(id);
    }
  }

  /** @param {Line} line */
  #elementOf(line) {
    const now = JSON.stringify(line);
    const before = this.#drawn.get(line.id);
    if (before?.line === now) return before.element;
    const element = before?.element ?? newLine(templateOf(line));
    this.#fill(element, line);
    this.#drawn.set(line.id, { line: now, element });
    return element;
  }

  /**
   * @param {HTMLElement} element
   * @param {Line} line
   */
  #fill(element, line) {
    switch (line.kind) {
      case "speech":
        return this.#fillSpeech(element, line);
      case "typed":
        return void (part("words", HTMLElement, element).textContent = line.text);
      case "tool":
        return this.#fillTool(element, line);
    }
  }

  /**
   * @param {HTMLElement} element
   * @param {SpeechLine} line
   */
  #fillSpeech(element, line) {
    const words = part("words", HTMLElement, element);
    fillSegments(words, line.segments);
    if (line.role === "user") return;
    part("cut", HTMLElement, element).hidden = !line.interrupted;
    const latency = part("latency", HTMLElement, element);
    latency.hidden = line.latencyMs === null;
    const seconds = SECONDS.format(((line.latencyMs ?? 0) + line.deliveryMs) / 1000);
    part("latency-seconds", HTMLElement, latency).textContent = seconds;
  }

  /**
   * @param {HTMLElement} element
   * @param {ToolLine} line
   */
  #fillTool(element, { name, outcome }) {
    element.dataset.outcome = outcome;
    const words = part("words", HTMLElement, element);
    words.textContent = this.#texts.get(`tool-${name}-${outcome}`, `tool-any-${outcome}`);
  }
}

/**
 * @param {Line} line
 * @returns {string}
 */
function templateOf(line) {
  if (line.kind === "typed") return "line-user";
  return line.kind === "speech" ? `line-${line.role}` : `line-${line.kind}`;
}

/** @param {string} name */
function newLine(name) {
  const { content } = part(name, HTMLTemplateElement);
  return /** @type {HTMLElement} */ (document.importNode(content, true).firstElementChild);
}

/**
 * Segments are replaced, never rewritten: a screen reader says what is new.
 *
 * @param {HTMLElement} words
 * @param {Segment[]} segments
 */
function fillSegments(words, segments) {
  segments.forEach((segment, i) => {
    const there = words.children[i];
    if (there !== undefined && isDrawnAs(/** @type {HTMLElement} */ (there), segment)) return;
    const element = segmentElement(segment, i > 0);
    if (there === undefined) words.append(element);
    else there.replaceWith(element);
  });
  while (words.children.length > segments.length) words.lastElementChild?.remove();
}

/**
 * @param {HTMLElement} element
 * @param {Segment} segment
 */
function isDrawnAs(element, { stage, text }) {
  return element.dataset.stage === stage && element.textContent?.trim() === text.trim();
}

/**
 * @param {Segment} segment
 * @param {boolean} follows another one
 */
function segmentElement({ stage, text }, follows) {
  const element = document.createElement(stage === "cut" ? "s" : "span");
  element.className = "segment";
  element.dataset.stage = stage;
  element.textContent = (follows ? " " : "") + text.trim();
  if (stage === "planned") element.setAttribute("aria-hidden", "true");
  return element;
}
