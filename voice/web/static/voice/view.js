// @ts-check
/** Draws the state of the call: the state line, the buttons, the meter and what went wrong. */

import { isTalking, statusOf } from "./call-state.js";
import { isMicrophoneFailure } from "./failures.js";
import { part } from "./page-parts.js";

/** @typedef {import("./call-state.js").CallState} CallState */
/** @typedef {import("./call-state.js").Failure} Failure */

/** How a level of 0 to 1 is drawn: speech lies around 0.1, and loudness is felt by its root. */
const LEVEL_GAIN = 2.2;

export class View {
  #texts;
  #page = part("page", HTMLElement);
  #status = part("status", HTMLElement);
  #talk = part("talk", HTMLButtonElement);
  #talkLabel = part("talk-label", HTMLElement);
  #unmute = part("unmute", HTMLButtonElement);
  #end = part("end", HTMLButtonElement);
  #welcome = part("welcome", HTMLElement);
  #failure = part("failure", HTMLElement);
  #failureText = part("failure-text", HTMLElement);
  #wait = part("wait", HTMLElement);
  #waitTold = part("wait-told", HTMLElement);
  #waitShown = part("wait-shown", HTMLElement);
  #again = part("again", HTMLButtonElement);
  #orb = part("orb", HTMLElement);
  #level = 0;
  #levelDrawn = true;

  /** @param {import("./texts.js").Texts} texts */
  constructor(texts) {
    this.#texts = texts;
  }

  /**
   * @param {CallState} state
   * @param {{ empty: boolean }} conversation
   */
  draw(state, { empty }) {
    const status = statusOf(state);
    const talking = isTalking(state);
    this.#page.dataset.status = status;
    setText(this.#status, this.#texts.get(`status-${status}`));
    setText(this.#talkLabel, this.#texts.get(talking ? "stop" : "talk"));
    this.#talk.setAttribute("aria-pressed", String(talking));
    this.#unmute.hidden = !state.muffled;
    this.#end.hidden = state.phase === "idle" || talking;
    this.#welcome.hidden = !empty || state.phase !== "idle";
    this.#drawFailure(state);
  }

  /** @param {number} level of whoever is speaking, 0 to 1 */
  meter(level) {
    this.#level = Math.min(1, Math.sqrt(level) * LEVEL_GAIN);
    if (!this.#levelDrawn) return;
    this.#levelDrawn = false;
    requestAnimationFrame(() => this.#drawLevel());
  }

  #drawLevel() {
    this.#levelDrawn = true;
    this.#orb.style.setProperty("--level", this.#level.toFixed(3));
  }

  /** @param {CallState} state */
  #drawFailure({ failure, ended, phase, waitS }) {
    const text = failure === null ? this.#endText(ended) : this.#failureTextOf(failure);
    this.#failure.hidden = text === "";
    this.#failure.dataset.kind = failure === null ? "ended" : "failure";
    this.#again.hidden = phase !== "idle" || isMicrophoneFailure(failure?.code ?? "");
    setText(this.#failureText, text);
    this.#drawWait(waitS);
  }

  /**
   * The seconds run for the eye only: a reader is told once how many they are.
   *
   * @param {number | null} leftS
   */
  #drawWait(leftS) {
    if (this.#wait.hidden && leftS !== null) setText(this.#waitTold, String(leftS));
    this.#wait.hidden = leftS === null;
    setText(this.#waitShown, String(leftS ?? ""));
  }

  /** @param {Failure} failure */
  #failureTextOf(failure) {
    return failure.code === "said" ? failure.message : this.#texts.get(`failure-${failure.code}`);
  }

  /** @param {string | null} reason */
  #endText(reason) {
    return reason === null ? "" : this.#texts.get(`ended-${reason}`, "ended-model");
  }
}

/**
 * Writing the same text again would make a screen reader say it again.
 *
 * @param {HTMLElement} element
 * @param {string} text
 */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
