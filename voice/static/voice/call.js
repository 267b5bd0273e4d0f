// @ts-check
/**
 * The voice page: connects the customer's hands to the phone, and what the phone tells to the
 * picture. All decisions lie in the modules it connects: `call-state.js` (what state the call is
 * in), `conversation.js` (what was said), `phone.js` (how a call is made).
 */

import { IDLE, isTalking, reduce } from "./call-state.js";
import { beginCall, endCall, hearEvent, shownLines, typeText } from "./conversation.js";
import { part } from "./page-parts.js";
import { Phone } from "./phone.js";
import { Texts } from "./texts.js";
import { Transcript } from "./transcript.js";
import { View } from "./view.js";
import { OUTPUT_RATE_HZ } from "./wire.js";

/** @typedef {import("./call-state.js").Action} Action */
/** @typedef {import("./connection.js").WireEvent} WireEvent */
/** @typedef {import("./player.js").PlayerReport} PlayerReport */

class CallPage {
  #state = IDLE;
  #call = 0;
  /** @type {import("./conversation.js").Line[]} */
  #lines = [];
  /** @type {import("./conversation.js").Heard} */
  #heard = { position: 0, idle: true };
  /** How the last call was begun. */
  #how = { withMicrophone: true };
  #drawing = false;
  #view;
  #transcript;
  #phone;

  /** @param {Texts} texts */
  constructor(texts) {
    this.#view = new View(texts);
    this.#transcript = new Transcript(texts);
    this.#phone = new Phone(urls(), {
      onAction: (action) => this.#act(action),
      onEvent: (event) => this.#hear(event),
      onReport: (report) => this.#reported(report),
      onMicrophoneLevel: (level) => this.#microphoneHeard(level),
    });
    this.#draw();
  }

  // What the customer does

  /** The big button: a running call is hung up, else the microphone is opened. */
  toggle() {
    if (isTalking(this.#state)) this.hangUp();
    else if (this.#state.phase === "idle") this.#dial({ withMicrophone: true });
    else void this.#phone.openMicrophone();
  }

  /** @param {string} text */
  say(text) {
    if (this.#state.phase === "idle") this.#dial({ withMicrophone: false });
    this.#lines = typeText(this.#lines, { call: this.#call, text });
    this.#phone.say(text);
    this.#act({ type: "asked" });
  }

  hangUp() {
    this.#phone.hangUp();
    this.#act({ type: "hung-up" });
  }

  interrupt() {
    this.#phone.hush();
  }

  unmute() {
    this.#phone.resumeSound();
  }

  /** Begin another call the way the last one was begun. */
  callAgain() {
    this.#dial(this.#how);
  }

  /** @param {{ withMicrophone: boolean }} how */
  #dial(how) {
    this.#how = how;
    this.#call += 1;
    this.#lines = beginCall(this.#lines, this.#call);
    this.#heard = { position: 0, idle: true };
    this.#act({ type: "dialled", ...how });
    void this.#phone.dial(how);
  }

  // What the phone tells

  /** @param {Action} action */
  #act(action) {
    const before = this.#state.phase;
    this.#state = reduce(this.#state, action);
    if (before !== "idle" && this.#state.phase === "idle") {
      this.#lines = endCall(this.#lines, this.#heard);
      this.#view.meter(0);
    }
    this.#drawSoon();
  }

  /** @param {WireEvent} event */
  #hear(event) {
    this.#lines = hearEvent(this.#lines, event, { call: this.#call, heard: this.#heard });
    const action = actionOf(event);
    if (action !== null) this.#act(action);
    this.#drawSoon();
  }

  /** @param {PlayerReport} report */
  #reported({ state, position, level }) {
    const idle = state === "idle";
    const onItsWay = idle ? 0 : this.#phone.outputLatencyS * OUTPUT_RATE_HZ;
    this.#heard = { position: position - onItsWay, idle };
    if (this.#state.speaking) this.#view.meter(level);
    this.#act({ type: "playback", speaking: state === "playing" || state === "stalled" });
  }

  /** @param {number} level */
  #microphoneHeard(level) {
    if (this.#state.phase === "live" && !this.#state.speaking) this.#view.meter(level);
  }

  // The picture

  /** At most once a frame, however many events a frame brings. */
  #drawSoon() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#drawing = false;
    this.#transcript.draw(shownLines(this.#lines, this.#heard));
    this.#view.draw(this.#state, { empty: this.#lines.length === 0 });
  }
}

/**
 * @param {WireEvent} event
 * @returns {Action | null}
 */
function actionOf(event) {
  switch (event.type) {
    case "ready":
      return { type: "ready" };
    case "caption":
      return event.role === "user" ? { type: "asked" } : null;
    case "turn":
      return { type: "answered" };
    case "error":
      return { type: "error-said", message: String(event.message) };
    case "ended":
      return { type: "ended", reason: String(event.reason) };
    default:
      return null;
  }
}

/** @returns {import("./phone.js").PhoneUrls} */
function urls() {
  const { captureWorklet, playbackWorklet, socketWorker, socketPath } = /** @type {any} */ (
    part("page", HTMLElement).dataset
  );
  const socketUrl = new URL(socketPath, location.href);
  socketUrl.protocol = socketUrl.protocol.replace("http", "ws");
  return {
    captureUrl: captureWorklet,
    playbackUrl: playbackWorklet,
    workerUrl: socketWorker,
    socketUrl: socketUrl.href,
  };
}

/** @param {CallPage} page */
function listen(page) {
  part("talk", HTMLButtonElement).addEventListener("click", (event) => {
    // The second click of a double click would undo the first; a key press has no count.
    if (event.detail <= 1) page.toggle();
  });
  part("end", HTMLButtonElement).addEventListener("click", () => page.hangUp());
  part("again", HTMLButtonElement).addEventListener("click", () => page.callAgain());
  part("unmute", HTMLButtonElement).addEventListener("click", () => page.unmute());
  part("examples", HTMLElement).addEventListener("click", ({ target }) => {
    if (target instanceof HTMLButtonElement) page.say(target.innerText.trim());
  });
  addEventListener("keydown", ({ key }) => {
    if (key === "Escape") page.interrupt();
  });
  addEventListener("pagehide", () => page.hangUp());
}

/** @param {CallPage} page */
function listenToTyping(page) {
  const form = part("compose", HTMLFormElement);
  const input = part("text", HTMLInputElement);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (text === "") return;
    input.value = "";
    page.say(text);
  });
}

const page = new CallPage(new Texts(part("texts", HTMLTemplateElement)));
listen(page);
listenToTyping(page);
