// @ts-check
/** Shows the state of the call: the status, the buttons, the level meter and failures. */

import { isMicrophoneActive, statusOf } from "./call-state.js";
import { findPart } from "./dom.js";
import { isMicrophoneFailure } from "./failures.js";

/** @typedef {import("./call-state.js").CallState} CallState */
/** @typedef {import("./call-state.js").Failure} Failure */

/** Speech has a root mean square around 0.1; its square root, which is closer to perceived loudness,
 * times this gain fills most of the meter. */
const LEVEL_GAIN = 2.2;

/**
 * How a call went: how long it took, and the tools that succeeded in it.
 *
 * @typedef {{ durationS: number, tools: string[] }} CallSummary
 */

export class CallView {
  #texts;
  #page = findPart("page", HTMLElement);
  #status = findPart("status", HTMLElement);
  #callButton = findPart("call-button", HTMLButtonElement);
  #callButtonLabel = findPart("call-button-label", HTMLElement);
  #resumeAudioButton = findPart("resume-audio-button", HTMLButtonElement);
  #hangUpButton = findPart("hang-up-button", HTMLButtonElement);
  #welcome = findPart("welcome", HTMLElement);
  #notice = findPart("notice", HTMLElement);
  #noticeText = findPart("notice-text", HTMLElement);
  #countdown = findPart("countdown", HTMLElement);
  #countdownSpoken = findPart("countdown-spoken", HTMLElement);
  #countdownVisible = findPart("countdown-visible", HTMLElement);
  #restartButton = findPart("restart-button", HTMLButtonElement);
  #connecting = findPart("connecting", HTMLElement);
  #summary = findPart("summary", HTMLElement);
  #orb = findPart("orb", HTMLElement);
  #level = 0;
  #isLevelDrawn = true;

  /** @param {import("./texts.js").Texts} texts */
  constructor(texts) {
    this.#texts = texts;
  }

  /**
   * @param {CallState} state
   * @param {{ isEmpty: boolean, summary: CallSummary | null }} transcript Whether nothing has been said
   *   so far; how the last call went.
   */
  render(state, { isEmpty, summary }) {
    const status = statusOf(state);
    const isPressed = isMicrophoneActive(state);
    const action = mainAction(state);
    this.#page.dataset.status = status;
    setText(this.#status, this.#texts.get(`status-${status}`));
    setText(this.#callButtonLabel, this.#texts.get(action));
    this.#callButton.dataset.action = action;
    // One main button: while the browser blocks audio, the one that allows it.
    this.#callButton.hidden = state.isAudioSuspended && state.phase !== "idle";
    // Not hidden while connecting: the focus stays, and nothing moves below the pointer.
    this.#callButton.setAttribute("aria-disabled", String(action === "connecting"));
    this.#callButton.setAttribute("aria-pressed", String(isPressed));
    this.#resumeAudioButton.hidden = !state.isAudioSuspended;
    this.#hangUpButton.hidden = state.phase === "idle";
    this.#welcome.hidden = !isEmpty || state.phase !== "idle";
    this.#connecting.hidden = !isEmpty || state.phase !== "connecting";
    setText(this.#connecting, this.#connecting.hidden ? "" : this.#texts.get(`status-${status}`));
    this.#renderNotice(state);
    this.#renderSummary(state, summary);
    this.#renderCountdown(state.retryAfterS);
  }

  /** @param {number} level Of whoever is speaking, 0 to 1. */
  showLevel(level) {
    this.#level = Math.min(1, Math.sqrt(level) * LEVEL_GAIN);
    if (!this.#isLevelDrawn) return;
    this.#isLevelDrawn = false;
    requestAnimationFrame(() => {
      this.#isLevelDrawn = true;
      this.#orb.style.setProperty("--level", this.#level.toFixed(3));
    });
  }

  /** @param {CallState} state */
  #renderNotice({ failure, endReason, phase }) {
    const text = failure === null ? this.#endText(endReason) : this.#failureText(failure);
    this.#notice.hidden = text === "";
    this.#notice.dataset.kind = failure === null ? "ended" : "failure";
    this.#restartButton.hidden = phase !== "idle" || isMicrophoneFailure(failure?.code ?? "");
    setText(this.#noticeText, text);
  }

  /**
   * @param {CallState} state
   * @param {CallSummary | null} summary
   */
  #renderSummary({ phase, endReason }, summary) {
    const isShown = phase === "idle" && endReason !== null && endReason !== "elsewhere";
    const text = summary !== null && isShown ? this.#summaryText(summary) : "";
    this.#summary.hidden = text === "";
    setText(this.#summary, text);
  }

  /** @param {CallSummary} summary */
  #summaryText({ durationS, tools }) {
    const done = tools.map((name) => this.#texts.get(`tool-${name}-ok`, "tool-any-ok"));
    const list = done.length === 0 ? this.#texts.get("summary-nothing") : done.join(" · ");
    return `${this.#texts.get("summary-duration")} ${formatDuration(durationS)}. ${list}.`;
  }

  /**
   * Count down for the eye only: screen readers get the number of seconds once.
   *
   * @param {number | null} remainingS
   */
  #renderCountdown(remainingS) {
    const isStarting = this.#countdown.hidden && remainingS !== null;
    if (isStarting) setText(this.#countdownSpoken, String(remainingS));
    this.#countdown.hidden = remainingS === null;
    setText(this.#countdownVisible, String(remainingS ?? ""));
  }

  /** @param {Failure} failure */
  #failureText(failure) {
    const isServerMessage = failure.code === "server-message";
    return isServerMessage ? failure.message : this.#texts.get(`failure-${failure.code}`);
  }

  /** @param {string | null} reason */
  #endText(reason) {
    return reason === null ? "" : this.#texts.get(`ended-${reason}`, "ended-model");
  }
}

/**
 * Set the text only where it changes, or screen readers would read it again.
 *
 * @param {HTMLElement} element
 * @param {string} text
 */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Return what the main button does.
 *
 * @param {CallState} state
 * @returns {"talk" | "mute" | "connecting"}
 */
function mainAction(state) {
  if (state.phase === "connecting") return "connecting";
  return isMicrophoneActive(state) ? "mute" : "talk";
}

/**
 * Return e.g. "45 s" or "2 min 5 s", which every language of the page writes alike.
 *
 * @param {number} seconds
 */
function formatDuration(seconds) {
  const whole = Math.max(1, Math.round(seconds));
  const minutes = Math.floor(whole / 60);
  return minutes === 0 ? `${whole} s` : `${minutes} min ${whole % 60} s`;
}
