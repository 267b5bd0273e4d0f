// @ts-check
/**
 * The voice page: connects the customer's hands to the phone, and what the phone tells to the
 * picture. All decisions lie in the modules it connects: `call-state.js` (what state the call is
 * in), `conversation.js` (what was said), `phone.js` (how a call is made).
 */

import { IDLE, isTalking, reduce } from "./call-state.js";
import { CallMemory } from "./call-memory.js";
import { beginCall, endCall, hearEvent, recallText, shownLines, typeText } from "./conversation.js";
import { part } from "./page-parts.js";
import { Phone } from "./phone.js";
import { Texts } from "./texts.js";
import { Transcript } from "./transcript.js";
import { View } from "./view.js";
import { OUTPUT_RATE_HZ } from "./wire.js";

/** @typedef {import("./call-state.js").Action} Action */
/** @typedef {import("./connection.js").WireEvent} WireEvent */
/** @typedef {import("./player.js").PlayerReport} PlayerReport */

const REMEMBER_EVERY_MS = 1000;

class CallPage {
  #state = IDLE;
  #call = 0;
  /** @type {import("./conversation.js").Line[]} */
  #lines = [];
  /** @type {import("./conversation.js").Heard} */
  #heard = { position: 0, idle: true };
  /** How the last call was begun. */
  #how = { withMicrophone: true };
  /** What the server calls this call. @type {{ token: string, callId: string } | null} */
  #name = null;
  /** What was typed and is not known to have come. @type {import("./uplink.js").UnsaidText[]} */
  #unsaid = [];
  /** When a busy server may be called again, by `performance.now()`. */
  #waitUntilMs = 0;
  #drawing = false;
  #memory;
  #view;
  #transcript;
  #phone;

  /**
   * @param {Texts} texts
   * @param {CallMemory} memory
   */
  constructor(texts, memory) {
    this.#memory = memory;
    this.#view = new View(texts);
    this.#transcript = new Transcript(texts);
    this.#phone = new Phone(settings(), {
      onAction: (action) => this.#act(action),
      onEvent: (event, heard) => this.#hear(event, heard),
      onUnsaid: (texts) => this.#unsaidNow(texts),
      onReport: (report) => this.#reported(report),
      onMicrophoneLevel: (level) => this.#microphoneHeard(level),
    });
    this.#draw();
    this.comeBack();
    setInterval(() => this.#eachSecond(), REMEMBER_EVERY_MS);
  }

  // What the customer does

  /** The big button: a running call is hung up, else the microphone is opened. */
  toggle() {
    if (isTalking(this.#state)) this.hangUp();
    else if (this.#state.phase === "idle") this.#dial({ withMicrophone: true, greet: true });
    else void this.#phone.openMicrophone();
  }

  /** @param {string} text */
  say(text) {
    if (this.#state.phase === "idle") this.#dial({ withMicrophone: false, greet: false });
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

  /** The network is back. */
  hurry() {
    this.#phone.hurry();
  }

  /** Begin another call the way the last one was begun. */
  callAgain() {
    this.#dial({ ...this.#how, greet: true });
  }

  /** The page is going away; it may be loaded again, or come back from the browser's cache. */
  leave() {
    this.#remember();
    this.#phone.drop();
  }

  /** Go on with the call that this page, or the one before it, was holding when it went away. */
  comeBack() {
    const call = this.#memory.recall(Date.now());
    if (call !== null) this.#resume(call);
    else if (this.#state.phase !== "idle") this.#act({ type: "failed", code: "lost" });
  }

  /** @param {import("./phone.js").How} how */
  #dial(how) {
    this.#how = how;
    this.#call += 1;
    this.#lines = beginCall(this.#lines, this.#call);
    this.#heard = { position: 0, idle: true };
    this.#act({ type: "dialled", ...how });
    void this.#phone.dial(how);
  }

  /** @param {import("./call-memory.js").RememberedCall} call */
  #resume(call) {
    const { token, callId, position, withMicrophone, unsaid } = call;
    this.#how = { withMicrophone };
    this.#call ||= 1;
    this.#name = { token, callId };
    this.#unsaid = unsaid;
    this.#heard = { position, idle: true };
    this.#act({ type: "recalled", withMicrophone });
    this.#recallTexts();
    void this.#phone.resume(call, { withMicrophone });
  }

  /** Shows what the page of before had typed, where this is not that page. */
  #recallTexts() {
    if (this.#unsaid.length > 0) this.#act({ type: "asked" });
    if (this.#lines.length > 0) return;
    for (const { text } of this.#unsaid) {
      this.#lines = recallText(this.#lines, { call: this.#call, text });
    }
  }

  // What is remembered

  #eachSecond() {
    this.#remember();
    if (this.#state.waitS === null) return;
    const leftS = Math.ceil((this.#waitUntilMs - performance.now()) / 1000);
    this.#act({ type: "waited", leftS: leftS > 0 ? leftS : null });
  }

  #remember() {
    if (this.#name === null) return;
    const position = Math.max(0, Math.floor(this.#heard.position));
    const withMicrophone = isTalking(this.#state);
    const unsaid = this.#unsaid;
    this.#memory.keep({ ...this.#name, position, withMicrophone, unsaid }, Date.now());
  }

  #forget() {
    this.#name = null;
    this.#unsaid = [];
    this.#memory.forget();
  }

  // What the phone tells

  /** @param {Action} action */
  #act(action) {
    const before = this.#state.phase;
    this.#state = reduce(this.#state, action);
    if ("retryAfterS" in action) {
      this.#waitUntilMs = performance.now() + (action.retryAfterS ?? 0) * 1000;
    }
    if (before !== "idle" && this.#state.phase === "idle") {
      this.#lines = endCall(this.#lines, this.#heard);
      this.#view.meter(0);
      this.#forget();
    }
    this.#drawSoon();
  }

  /**
   * @param {WireEvent} event
   * @param {{ sounding: boolean }} now
   */
  #hear(event, now) {
    this.#lines = hearEvent(this.#lines, event, { call: this.#call, heard: this.#heard });
    if (event.type === "ready" || event.type === "resumed") this.#named(event);
    const action = actionOf(event, now);
    if (action !== null) this.#act(action);
    this.#drawSoon();
  }

  /** @param {WireEvent} event that names the call */
  #named({ resumeToken, callId }) {
    const token = String(resumeToken ?? this.#name?.token);
    this.#name = { token, callId: String(callId) };
    this.#remember();
  }

  /** @param {import("./uplink.js").UnsaidText[]} texts */
  #unsaidNow(texts) {
    this.#unsaid = texts;
    this.#remember();
  }

  /** @param {PlayerReport} report */
  #reported({ state, position, level }) {
    const idle = state === "idle";
    const onItsWay = idle ? 0 : this.#phone.outputLatencyS * OUTPUT_RATE_HZ;
    this.#heard = { position: position - onItsWay, idle };
    if (this.#state.speaking) this.#view.meter(level);
    this.#act({ type: "playback", speaking: this.#isSpeaking(state) });
  }

  /** @param {import("./player.js").PlayerState} state */
  #isSpeaking(state) {
    // The last words of a call that is over will be heard: it need not be waited for.
    if (state === "filling") return this.#state.phase === "idle";
    return state !== "idle";
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
 * @param {{ sounding: boolean }} now
 * @returns {Action | null}
 */
function actionOf(event, { sounding }) {
  switch (event.type) {
    case "ready":
      return { type: "ready" };
    case "resumed":
      return { type: "resumed", restored: event.restored === true };
    case "assistant":
      return { type: "away", away: event.phase === "away" };
    case "caption":
      return captionAction(event);
    case "turn":
      return { type: "answered", turn: Number(event.turn) };
    case "error":
      return errorOf(event);
    case "ended":
      return { type: "ended", reason: String(event.reason), sounding };
    default:
      return null;
  }
}

/**
 * @param {WireEvent} caption
 * @returns {Action | null} what is planned will be heard, and is answered then
 */
function captionAction({ role, stage, turn }) {
  if (role === "user") return { type: "asked", turn: Number(turn) };
  return stage === "spoken" ? { type: "answered", turn: Number(turn) } : null;
}

/** @param {WireEvent} event @returns {Action} */
function errorOf({ message, retryAfterS }) {
  const seconds = typeof retryAfterS === "number" ? Math.ceil(retryAfterS) : null;
  return { type: "error-said", message: String(message), retryAfterS: seconds };
}

/** @returns {import("./phone.js").PhoneSettings} */
function settings() {
  const { captureWorklet, playbackWorklet, socketWorker, ...paths } = /** @type {any} */ (
    part("page", HTMLElement).dataset
  );
  const socketUrl = new URL(paths.socketPath, location.href);
  socketUrl.protocol = socketUrl.protocol.replace("http", "ws");
  return {
    captureUrl: captureWorklet,
    playbackUrl: playbackWorklet,
    workerUrl: socketWorker,
    socketUrl: socketUrl.href,
    ticketUrl: new URL(paths.ticketPath, location.href).href,
    patienceMs: paths.patienceS * 1000,
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
  part("examples", HTMLElement).addEventListener("click", ({ target }) => {
    if (target instanceof HTMLButtonElement) page.say(target.innerText.trim());
  });
  addEventListener("keydown", ({ key }) => {
    if (key === "Escape") page.interrupt();
  });
  // Sound that the browser holds back is let go by any touch of the page; there is a button for it,
  // for who wouldn't think of that.
  for (const touch of ["click", "keydown"]) addEventListener(touch, () => page.unmute());
  addEventListener("online", () => page.hurry());
  addEventListener("pagehide", () => page.leave());
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) page.comeBack();
  });
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

const texts = new Texts(part("texts", HTMLTemplateElement));
const page = new CallPage(texts, new CallMemory(() => sessionStorage));
listen(page);
listenToTyping(page);
