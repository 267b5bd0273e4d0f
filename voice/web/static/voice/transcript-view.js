// @ts-check
/**
 * Shows the transcript: one element an entry, made from the template and changed only where the entry
 * has changed. Planned segments are hidden from screen readers, which would otherwise talk at the same
 * time as the assistant.
 */

import { findPart } from "./dom.js";

/** @typedef {import("./transcript.js").Entry} Entry */
/** @typedef {import("./transcript.js").SpeechEntry} SpeechEntry */
/** @typedef {import("./transcript.js").Segment} Segment */
/** @typedef {import("./transcript.js").ToolEntry} ToolEntry */

/** A reader this close to the end follows the conversation: new entries are scrolled into view. */
const FOLLOWING_PX = 120;

export class TranscriptView {
  #texts;
  #root = findPart("transcript", HTMLElement);
  /** By the entry's id: its element, and the entry as JSON. */
  #rendered = /** @type {Map<string, { json: string, element: HTMLElement }>} */ (new Map());

  /** @param {import("./texts.js").Texts} texts */
  constructor(texts) {
    this.#texts = texts;
  }

  /** @param {Entry[]} entries */
  render(entries) {
    const isFollowing = this.#isFollowing();
    const elements = entries.map((entry) => this.#renderEntry(entry));
    this.#removeAllBut(new Set(entries.map((entry) => entry.id)));
    elements.forEach((element, i) => {
      if (this.#root.children[i] !== element) {
        this.#root.insertBefore(element, this.#root.children[i] ?? null);
      }
    });
    if (isFollowing) this.#root.scrollTop = this.#root.scrollHeight;
  }

  #isFollowing() {
    const { scrollHeight, scrollTop, clientHeight } = this.#root;
    return scrollHeight - scrollTop - clientHeight < FOLLOWING_PX;
  }

  /** @param {Set<string>} ids */
  #removeAllBut(ids) {
    for (const [id, { element }] of this.#rendered) {
      if (ids.has(id)) continue;
      element.remove();
      this.#rendered.delete(id);
    }
  }

  /** @param {Entry} entry */
  #renderEntry(entry) {
    const json = JSON.stringify(entry);
    const before = this.#rendered.get(entry.id);
    if (before?.json === json) return before.element;
    const element = before?.element ?? instantiateTemplate(templateName(entry));
    this.#fill(element, entry);
    this.#rendered.set(entry.id, { json, element });
    return element;
  }

  /**
   * @param {HTMLElement} element
   * @param {Entry} entry
   */
  #fill(element, entry) {
    switch (entry.kind) {
      case "speech":
        return fillSpeech(element, entry);
      case "typed":
        findPart("text", HTMLElement, element).textContent = entry.text;
        return;
      case "tool":
        return this.#fillTool(element, entry);
    }
  }

  /**
   * @param {HTMLElement} element
   * @param {ToolEntry} entry
   */
  #fillTool(element, { name, outcome }) {
    element.dataset.outcome = outcome;
    const text = this.#texts.get(`tool-${name}-${outcome}`, `tool-any-${outcome}`);
    findPart("text", HTMLElement, element).textContent = text;
  }
}

/**
 * @param {Entry} entry
 * @returns {string}
 */
function templateName(entry) {
  if (entry.kind === "typed") return "entry-user";
  return entry.kind === "speech" ? `entry-${entry.role}` : `entry-${entry.kind}`;
}

/** @param {string} name */
function instantiateTemplate(name) {
  const { content } = findPart(name, HTMLTemplateElement);
  return /** @type {HTMLElement} */ (document.importNode(content, true).firstElementChild);
}

/**
 * @param {HTMLElement} element
 * @param {SpeechEntry} entry
 */
function fillSpeech(element, { role, segments, isInterrupted }) {
  fillSegments(findPart("text", HTMLElement, element), segments);
  if (role === "user") return;
  findPart("interrupted", HTMLElement, element).hidden = !isInterrupted;
}

/**
 * Show the segments. A changed segment gets a new element, so that screen readers read only that.
 *
 * @param {HTMLElement} container
 * @param {Segment[]} segments
 */
function fillSegments(container, segments) {
  segments.forEach((segment, i) => {
    const current = /** @type {HTMLElement | undefined} */ (container.children[i]);
    if (current !== undefined && isRenderedAs(current, segment)) return;
    const element = createSegment(segment, i > 0);
    if (current === undefined) container.append(element);
    else current.replaceWith(element);
  });
  while (container.children.length > segments.length) container.lastElementChild?.remove();
}

/**
 * @param {HTMLElement} element
 * @param {Segment} segment
 */
function isRenderedAs(element, { stage, text }) {
  return element.dataset.stage === stage && element.textContent?.trim() === shownText(stage, text);
}

/**
 * @param {Segment} segment
 * @param {boolean} followsAnother
 */
function createSegment({ stage, text }, followsAnother) {
  const element = document.createElement("span");
  element.className = "segment";
  element.dataset.stage = stage;
  element.textContent = (followsAnother ? " " : "") + shownText(stage, text);
  if (stage === "planned") element.setAttribute("aria-hidden", "true");
  return element;
}

/**
 * Return the text to show. Where a segment was cut is not known, only that its end was not heard.
 *
 * @param {Segment["stage"]} stage
 * @param {string} text
 */
function shownText(stage, text) {
  return stage === "cut" ? `${text.trim().replace(/[.…]+$/, "")}…` : text.trim();
}
