// @ts-check
/**
 * The script of the voice page: passes the customer's input to the call client, and what the client
 * reports to the views. The decisions are in other modules: `call-state.js` (the state of the call),
 * `transcript.js` (what is shown of the conversation), `call-client.js` (how a call runs).
 */

import { CallClient } from "./call-client.js";
import { IDLE, isMicrophoneActive, reduce } from "./call-state.js";
import { CallView } from "./call-view.js";
import { ConnectionQuality } from "./connection-quality.js";
import { findPart } from "./dom.js";
import { ResumeStore } from "./resume-store.js";
import { SoundPanel } from "./sound-panel.js";
import { Texts } from "./texts.js";
import { TranscriptView } from "./transcript-view.js";
import {
  addRestoredText,
  addTypedText,
  applyEvent,
  applySkips,
  endCall,
  finishedTools,
  skipOfReply,
  startCall,
  visibleEntries,
} from "./transcript.js";
import { ScreenWakeLock } from "./wake-lock.js";
import { OUTPUT_RATE_HZ } from "./wire.js";

/** @typedef {import("./call-state.js").Action} Action */
/** @typedef {import("./player.js").PlayerReport} PlayerReport */
/** @typedef {import("./uplink.js").PendingText} PendingText */
/** @typedef {import("./wire.js").WireEvent} WireEvent */

const TICK_INTERVAL_MS = 1000;

class CallPage {
  #state = IDLE;
  /** Number of the call on this page. */
  #callNumber = 0;
  /** @type {import("./transcript.js").Entry[]} */
  #entries = [];
  /** @type {import("./transcript.js").Playback} */
  #playback = { position: 0, isIdle: true };
  /** How the last call was started. */
  #callOptions = { withMicrophone: true };
  /** What identifies this call to the server. @type {{ token: string, callId: string } | null} */
  #identity = null;
  /** @type {PendingText[]} */
  #pendingTexts = [];
  /** When the call started, in milliseconds since 1970; 0 before. */
  #startedAtMs = 0;
  /** Replies of this call that the customer skipped. @type {import("./transcript.js").Skip[]} */
  #skips = [];
  /** How the last call went, once it is over. @type {import("./call-view.js").CallSummary | null} */
  #summary = null;
  /** When another call can succeed, by `performance.now()`. */
  #retryAtMs = 0;
  #isRenderScheduled = false;
  #store;
  #callView;
  #transcriptView;
  #client;
  #soundPanel;
  #quality = new ConnectionQuality();
  #wakeLock = new ScreenWakeLock();

  /**
   * @param {Texts} texts
   * @param {ResumeStore} store
   */
  constructor(texts, store) {
    this.#store = store;
    this.#callView = new CallView(texts);
    this.#transcriptView = new TranscriptView(texts);
    const settings = readSettings();
    this.#soundPanel = new SoundPanel(texts, settings, (sound) => this.#client.setSound(sound));
    this.#client = new CallClient(settings, {
      onAction: (action) => this.#dispatch(action),
      onEvent: (event, audio) => this.#onEvent(event, audio),
      onPendingTexts: (texts) => this.#onPendingTexts(texts),
      onPlayerReport: (report) => this.#onPlayerReport(report),
      onMicrophoneLevel: (level) => this.#onMicrophoneLevel(level),
      onRoundTrip: (ms) => this.#quality.onRoundTrip(ms),
    });
    if (!window.isSecureContext) this.#dispatch({ type: "failed", code: "mic-insecure" });
    this.#render();
    this.resumeStoredCall();
    setInterval(() => this.#tick(), TICK_INTERVAL_MS);
  }

  // The customer's input

  /** The main button: start a call, or switch its microphone. */
  toggleCall() {
    const { phase } = this.#state;
    if (phase === "idle") this.#start({ withMicrophone: true, greet: true });
    else if (phase === "connecting") return;
    else if (isMicrophoneActive(this.#state)) this.#client.closeMicrophone();
    else void this.#client.openMicrophone();
  }

  /** @param {string} text */
  sendText(text) {
    if (this.#state.phase === "idle") this.#start({ withMicrophone: false, greet: false });
    this.#entries = addTypedText(this.#entries, { call: this.#callNumber, text });
    this.#client.sendText(text);
    this.#dispatch({ type: "user-input" });
  }

  hangUp() {
    this.#client.hangUp();
    this.#dispatch({ type: "hung-up" });
  }

  skipReply() {
    if (this.#soundPanel.isOpen) return; // the key closes it
    if (this.#state.isSpeaking && this.#state.phase !== "idle") {
      const skip = skipOfReply(this.#entries, { call: this.#callNumber, playback: this.#playback });
      if (skip !== null) this.#skips = [...this.#skips, skip];
      this.#storeCall();
      this.#scheduleRender();
    }
    this.#client.skipReply();
  }

  resumeAudio() {
    this.#client.resumeAudio();
  }

  /** The network is back. */
  reconnect() {
    this.#client.reconnect();
  }

  /** Start another call in the way of the last one. */
  restart() {
    this.#start({ ...this.#callOptions, greet: true });
  }

  /** The page goes away; it may be loaded again, or come back from the browser's cache. */
  suspend() {
    this.#storeCall();
    this.#client.disconnect();
  }

  /** Resume the call that this page, or the one before it, had when it went away. */
  resumeStoredCall() {
    const call = this.#store.load(Date.now());
    if (call !== null) this.#resume(call);
    else if (this.#state.phase !== "idle") this.#dispatch({ type: "failed", code: "lost" });
  }

  /** @param {import("./call-client.js").CallOptions} options */
  #start({ withMicrophone, greet }) {
    this.#callOptions = { withMicrophone };
    this.#callNumber += 1;
    this.#entries = startCall(this.#entries, this.#callNumber);
    this.#playback = { position: 0, isIdle: true };
    this.#startedAtMs = 0;
    this.#skips = [];
    this.#summary = null;
    this.#dispatch({ type: "call-started", withMicrophone });
    void this.#client.start({ withMicrophone, greet });
  }

  /** @param {import("./resume-store.js").StoredCall} call */
  #resume(call) {
    const { token, callId, position, withMicrophone, pendingTexts, startedAtMs, skips } = call;
    this.#callOptions = { withMicrophone };
    this.#callNumber ||= 1;
    this.#identity = { token, callId };
    this.#pendingTexts = pendingTexts;
    this.#startedAtMs = startedAtMs;
    this.#skips = skips.map((skip) => ({ ...skip, call: this.#callNumber }));
    this.#summary = null;
    this.#playback = { position, isIdle: true };
    this.#dispatch({ type: "call-restored", withMicrophone });
    if (pendingTexts.length > 0) this.#dispatch({ type: "user-input" });
    if (this.#entries.length === 0) {
      for (const { text } of pendingTexts) {
        this.#entries = addRestoredText(this.#entries, { call: this.#callNumber, text });
      }
    }
    void this.#client.resume(call, { withMicrophone });
  }

  // The stored call

  #tick() {
    this.#storeCall();
    this.#quality.onConnection(this.#state.isReconnecting);
    this.#soundPanel.showQuality(this.#quality.at(performance.now()), this.#quality.roundTripMs);
    if (this.#state.retryAfterS === null) return;
    const remainingS = Math.ceil((this.#retryAtMs - performance.now()) / 1000);
    this.#dispatch({
      type: "retry-countdown",
      remainingS: remainingS > 0 ? remainingS : null,
    });
  }

  #storeCall() {
    if (this.#identity === null) return;
    const call = {
      ...this.#identity,
      position: Math.max(0, Math.floor(this.#playback.position)),
      withMicrophone: isMicrophoneActive(this.#state),
      pendingTexts: this.#pendingTexts,
      startedAtMs: this.#startedAtMs,
      skips: this.#skips.map(({ turn, position }) => ({ turn, position })),
    };
    this.#store.save(call, Date.now());
  }

  // What the call client reports

  /** @param {Action} action */
  #dispatch(action) {
    const phaseBefore = this.#state.phase;
    this.#state = reduce(this.#state, action);
    if ("retryAfterS" in action) {
      this.#retryAtMs = performance.now() + (action.retryAfterS ?? 0) * 1000;
    }
    if (phaseBefore !== "idle" && this.#state.phase === "idle") this.#onCallOver();
    this.#scheduleRender();
  }

  #onCallOver() {
    this.#entries = endCall(applySkips(this.#entries, this.#skips), this.#playback);
    this.#skips = [];
    this.#summary =
      this.#startedAtMs === 0
        ? null
        : {
            durationS: (Date.now() - this.#startedAtMs) / 1000,
            tools: finishedTools(this.#entries, this.#callNumber),
          };
    this.#callView.showLevel(0);
    this.#quality.reset();
    this.#identity = null;
    this.#pendingTexts = [];
    this.#store.clear();
  }

  /**
   * @param {WireEvent} event
   * @param {{ hasUnplayedAudio: boolean }} audio
   */
  #onEvent(event, audio) {
    const now = { call: this.#callNumber, playback: this.#playback };
    this.#entries = applyEvent(this.#entries, event, now);
    if (event.type === "ready" || event.type === "resumed") this.#storeIdentity(event);
    const action = actionForEvent(event, audio);
    if (action !== null) this.#dispatch(action);
    this.#scheduleRender();
  }

  /** @param {WireEvent} event `ready` or `resumed`; a `resumed` may keep the token. */
  #storeIdentity({ resumeToken, callId }) {
    this.#startedAtMs ||= Date.now();
    const token = String(resumeToken ?? this.#identity?.token);
    this.#identity = { token, callId: String(callId) };
    this.#storeCall();
  }

  /** @param {PendingText[]} texts */
  #onPendingTexts(texts) {
    this.#pendingTexts = texts;
    this.#storeCall();
  }

  /** @param {PlayerReport} report */
  #onPlayerReport({ state, position, level, stalls }) {
    this.#quality.onStalls(stalls, performance.now());
    const isIdle = state === "idle";
    const inTransit = isIdle ? 0 : this.#client.outputLatencyS * OUTPUT_RATE_HZ;
    this.#playback = { position: position - inTransit, isIdle };
    if (this.#state.isSpeaking) this.#callView.showLevel(level);
    this.#dispatch({ type: "playback", isSpeaking: this.#isSpeaking(state) });
  }

  /** @param {import("./player.js").PlayerState} state */
  #isSpeaking(state) {
    // After the call has ended, buffered audio is certain to be played.
    if (state === "buffering") return this.#state.phase === "idle";
    return state !== "idle";
  }

  /** @param {number} level */
  #onMicrophoneLevel(level) {
    this.#soundPanel.showMicrophoneLevel(level);
    if (this.#state.phase === "active" && !this.#state.isSpeaking) this.#callView.showLevel(level);
  }

  // Rendering

  /** Render once in the next animation frame, however many changes come before it. */
  #scheduleRender() {
    if (this.#isRenderScheduled) return;
    this.#isRenderScheduled = true;
    requestAnimationFrame(() => this.#render());
  }

  #render() {
    this.#isRenderScheduled = false;
    const entries = applySkips(this.#entries, this.#skips);
    this.#transcriptView.render(visibleEntries(entries, this.#playback));
    const isEmpty = this.#entries.length === 0;
    this.#callView.render(this.#state, { isEmpty, summary: this.#summary });
    this.#wakeLock.set(this.#state.phase !== "idle");
  }
}

/**
 * Return the action of an event of the wire, or null if it has none.
 *
 * @param {WireEvent} event
 * @param {{ hasUnplayedAudio: boolean }} audio
 * @returns {Action | null}
 */
function actionForEvent(event, { hasUnplayedAudio }) {
  switch (event.type) {
    case "ready":
      return { type: "ready" };
    case "resumed":
      return { type: "resumed", isRestored: event.restored === true };
    case "waiting":
      return { type: "waiting", message: String(event.message) };
    case "assistant":
      return { type: "assistant-away", isAway: event.phase === "away" };
    case "caption":
      return actionForCaption(event);
    case "turn":
      return { type: "assistant-reply", turn: Number(event.turn) };
    case "error":
      return actionForError(event);
    case "ended":
      return { type: "ended", reason: String(event.reason), hasUnplayedAudio };
    default:
      return null;
  }
}

/**
 * Return the action of a caption. A planned one has none: its audio is still to come.
 *
 * @param {WireEvent} caption
 * @returns {Action | null}
 */
function actionForCaption({ role, stage, turn }) {
  if (role === "user") return { type: "user-input", turn: Number(turn) };
  return stage === "spoken" ? { type: "assistant-reply", turn: Number(turn) } : null;
}

/** @param {WireEvent} event @returns {Action} */
function actionForError({ message, retryAfterS }) {
  const seconds = typeof retryAfterS === "number" ? Math.ceil(retryAfterS) : null;
  return { type: "server-error", message: String(message), retryAfterS: seconds };
}

/**
 * Return the settings that the template gives as `data-` attributes.
 *
 * @returns {import("./call-client.js").CallSettings}
 */
function readSettings() {
  const { captureWorklet, playbackWorklet, socketWorker, ...data } = /** @type {any} */ (
    findPart("page", HTMLElement).dataset
  );
  const socketUrl = new URL(data.socketPath, location.href);
  socketUrl.protocol = socketUrl.protocol.replace("http", "ws");
  return {
    captureUrl: captureWorklet,
    playbackUrl: playbackWorklet,
    workerUrl: socketWorker,
    socketUrl: socketUrl.href,
    ticketUrl: new URL(data.ticketPath, location.href).href,
    resumeTimeoutMs: data.resumeTimeoutS * 1000,
  };
}

/** @param {CallPage} page */
function listenToButtons(page) {
  findPart("call-button", HTMLButtonElement).addEventListener("click", (event) => {
    // The second click of a double click would undo the first; a key press has detail 0.
    if (event.detail <= 1) page.toggleCall();
  });
  findPart("hang-up-button", HTMLButtonElement).addEventListener("click", () => page.hangUp());
  findPart("restart-button", HTMLButtonElement).addEventListener("click", () => page.restart());
  findPart("examples", HTMLElement).addEventListener("click", ({ target }) => {
    if (target instanceof HTMLButtonElement) page.sendText(target.innerText.trim());
  });
}

/** @param {CallPage} page */
function listenToWindow(page) {
  addEventListener("keydown", ({ key }) => {
    if (key === "Escape") page.skipReply();
  });
  // The browser lets blocked audio play after any click or key press, not only on the button for it.
  for (const type of ["click", "keydown"]) addEventListener(type, () => page.resumeAudio());
  addEventListener("online", () => page.reconnect());
  addEventListener("pagehide", () => page.suspend());
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) page.resumeStoredCall();
  });
}

/** @param {CallPage} page */
function listenToCompose(page) {
  const form = findPart("compose", HTMLFormElement);
  const input = findPart("compose-text", HTMLInputElement);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (text === "") return;
    input.value = "";
    page.sendText(text);
  });
}

const texts = new Texts(findPart("texts", HTMLTemplateElement));
const page = new CallPage(texts, new ResumeStore(() => sessionStorage));
listenToButtons(page);
listenToWindow(page);
listenToCompose(page);
