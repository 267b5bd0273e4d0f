// @ts-check
/**
 * Calls and hangs up: puts microphone, speaker and socket together for one call at a time and
 * reports what happens as actions for `call-state.js` and events for `conversation.js`. Knows no
 * DOM.
 *
 * Everything that is awaited may come back into a world where the customer has already hung up, or
 * called again; so each call carries an AbortSignal, and what arrives for an aborted one is let go.
 */

import { AudioGraph } from "./audio-graph.js";
import { Microphone, MicrophoneError } from "./microphone.js";
import { Socket } from "./socket.js";

/** @typedef {import("./call-state.js").Action} Action */
/** @typedef {import("./connection.js").WireEvent} WireEvent */
/** @typedef {import("./player.js").PlayerReport} PlayerReport */
/** @typedef {import("./connection.js").ResumePoint} ResumePoint */

/**
 * @typedef {object} PhoneSettings
 * @property {string} captureUrl
 * @property {string} playbackUrl
 * @property {string} workerUrl
 * @property {string} socketUrl
 * @property {string} ticketUrl
 * @property {number} patienceMs for so long a lost call is tried to be gone on with
 */

/**
 * @typedef {object} How
 * @property {boolean} withMicrophone
 * @property {boolean} greet whether the assistant says the first word
 */

/**
 * @typedef {object} PhoneListener
 * @property {(action: Action) => void} onAction
 * @property {(event: WireEvent, heard: { sounding: boolean }) => void} onEvent
 * @property {(texts: import("./uplink.js").UnsaidText[]) => void} onUnsaid what was typed and is not
 *   known to have come
 * @property {(report: PlayerReport) => void} onReport
 * @property {(level: number) => void} onMicrophoneLevel
 */

/** A browser that takes longer than this to open the microphone is asking the customer. */
const ASKING_MS = 400;

export class Phone {
  #settings;
  #listener;
  /** @type {AbortController} */
  #call = new AbortController();
  /** @type {AudioGraph | null} */
  #audio = null;
  /** @type {Socket | null} */
  #socket = null;
  /** @type {Microphone | null} */
  #microphone = null;
  /** Whether all that the server sent, and will ever send, was heard. */
  #isHeardOut = false;
  /** Texts typed before there was a socket to say them on. @type {string[]} */
  #unsaid = [];

  /**
   * @param {PhoneSettings} settings
   * @param {PhoneListener} listener
   */
  constructor(settings, listener) {
    this.#settings = settings;
    this.#listener = listener;
  }

  /** Seconds from the playback worklet to the ear. */
  get outputLatencyS() {
    return this.#audio?.outputLatencyS ?? 0;
  }

  /**
   * Begin a call. Call it in the customer's click or key press.
   *
   * @param {How} how
   */
  dial(how) {
    return this.#prepare(async (audio, signal) => {
      const ports = await audio.load(this.#settings);
      if (how.withMicrophone) await this.#openMicrophone(audio, signal);
      if (!signal.aborted) this.#connect({ ...ports, greet: how.greet, resume: null });
    });
  }

  /**
   * Go on with a call that a page of before had begun. It is reached first; the microphone follows,
   * and may be refused.
   *
   * @param {ResumePoint} resume
   * @param {{ withMicrophone: boolean }} how
   */
  resume(resume, { withMicrophone }) {
    return this.#prepare(async (audio, signal) => {
      const ports = await audio.load(this.#settings);
      if (signal.aborted) return;
      this.#connect({ ...ports, greet: true, resume });
      if (withMicrophone) await this.#addMicrophone();
    });
  }

  /** Add the microphone to a call that goes on without one. */
  async openMicrophone() {
    this.#listener.onAction({ type: "microphone-wanted" });
    await this.#addMicrophone();
  }

  /** @param {string} text */
  say(text) {
    if (this.#socket === null) this.#unsaid.push(text);
    else this.#socket.say(text);
  }

  hush() {
    this.#audio?.hush();
  }

  resumeSound() {
    this.#audio?.resume();
  }

  /** The network is back. */
  hurry() {
    this.#socket?.hurry();
  }

  hangUp() {
    this.#release();
  }

  /** Let go of everything without a word to the server: the page is going away. */
  drop() {
    this.#socket?.drop();
    this.#socket = null;
    this.#release();
  }

  // The parts of a call

  /** @param {(audio: AudioGraph, signal: AbortSignal) => Promise<void>} connect */
  async #prepare(connect) {
    this.#release();
    if (!AudioGraph.isSupported) return this.#fail("unsupported");
    const { signal } = this.#call;
    const audio = (this.#audio = new AudioGraph({
      onReport: (report) => this.#reported(report, signal),
      onMicrophoneLevel: this.#listener.onMicrophoneLevel,
      onRunning: (running) => this.#listener.onAction({ type: "sound", running }),
    }));
    try {
      await connect(audio, signal);
    } catch (error) {
      if (!signal.aborted) this.#fail(codeOf(error));
    }
  }

  async #addMicrophone() {
    const { signal } = this.#call;
    if (this.#audio === null) return;
    try {
      await this.#openMicrophone(this.#audio, signal);
    } catch (error) {
      if (!signal.aborted) this.#withoutMicrophone(codeOf(error));
    }
  }

  /**
   * @param {AudioGraph} audio
   * @param {AbortSignal} signal
   */
  async #openMicrophone(audio, signal) {
    const microphone = await this.#askForMicrophone(signal);
    if (signal.aborted) return microphone.release();
    this.#microphone = microphone;
    microphone.whenLost(() => this.#microphoneLost(microphone));
    audio.attach(microphone.stream);
    this.#listener.onAction({ type: "microphone-opened" });
  }

  /**
   * Where the customer has allowed it before, the browser gives it at once and there is nothing to
   * tell.
   *
   * @param {AbortSignal} signal
   */
  async #askForMicrophone(signal) {
    const tell = () => signal.aborted || this.#listener.onAction({ type: "microphone-asked" });
    const timer = setTimeout(tell, ASKING_MS);
    try {
      return await Microphone.open();
    } finally {
      clearTimeout(timer);
    }
  }

  /** @param {Pick<import("./socket.js").Dial, "capture" | "playback" | "greet" | "resume">} call */
  #connect(call) {
    const { signal } = this.#call;
    this.#socket = new Socket(this.#settings.workerUrl, {
      onEvent: (event, heard) => signal.aborted || this.#heard(event, heard),
      onUnsaid: (texts) => signal.aborted || this.#listener.onUnsaid(texts),
      onRetry: () => signal.aborted || this.#listener.onAction({ type: "retrying" }),
      onOver: (action) => signal.aborted || this.#over(action),
    });
    const { socketUrl, ticketUrl, patienceMs } = this.#settings;
    this.#socket.dial({ socketUrl, ticketUrl, patienceMs, ...call });
    for (const text of this.#unsaid.splice(0)) this.#socket.say(text);
  }

  /**
   * @param {WireEvent} event
   * @param {{ sounding: boolean }} heard
   */
  #heard(event, { sounding }) {
    this.#listener.onEvent(event, { sounding });
    if (event.type === "ready" || event.type === "resumed") {
      this.#listener.onAction({ type: "sound", running: this.#audio?.isRunning ?? false });
    }
    if (event.type === "ended") this.#finish(sounding);
  }

  /**
   * @param {PlayerReport} report
   * @param {AbortSignal} signal
   */
  #reported(report, signal) {
    if (signal.aborted) return;
    this.#tellBegun(report);
    this.#listener.onReport(report);
    this.#isHeardOut = report.done;
    if (report.done && this.#socket === null) this.#release();
  }

  /** @param {PlayerReport} report */
  #tellBegun({ begun }) {
    if (begun === null || this.#audio === null) return;
    const { position, atMs } = begun;
    this.#socket?.heard({ position, atMs: this.#audio.heardAtMs(atMs) });
  }

  // The ends of a call

  /**
   * The server has ended the call: what it still had to say is heard to the end.
   *
   * @param {boolean} sounding
   */
  #finish(sounding) {
    this.#microphone?.release();
    this.#audio?.detach();
    this.#socket = null;
    if (!sounding || this.#isHeardOut) this.#release();
  }

  #release() {
    this.#call.abort();
    this.#call = new AbortController();
    this.#microphone?.release();
    this.#socket?.hangUp();
    this.#audio?.close();
    this.#microphone = null;
    this.#socket = null;
    this.#audio = null;
    this.#isHeardOut = false;
    this.#unsaid = [];
  }

  /** @param {import("./failures.js").FailureCode} code */
  #fail(code) {
    this.#over({ type: "failed", code });
  }

  /** @param {Action} action */
  #over(action) {
    this.#release();
    this.#listener.onAction(action);
  }

  /**
   * The device is gone: another one may be there already.
   *
   * @param {Microphone} microphone
   */
  #microphoneLost(microphone) {
    if (microphone !== this.#microphone) return;
    this.#microphone = null;
    this.#audio?.detach();
    void this.#reopenMicrophone();
  }

  async #reopenMicrophone() {
    const { signal } = this.#call;
    if (this.#audio === null) return;
    try {
      await this.#openMicrophone(this.#audio, signal);
    } catch {
      if (!signal.aborted) this.#withoutMicrophone("mic-lost");
    }
  }

  /** @param {import("./failures.js").FailureCode} code */
  #withoutMicrophone(code) {
    this.#listener.onAction({ type: "microphone-failed", code });
  }
}

/**
 * @param {unknown} error
 * @returns {import("./failures.js").FailureCode}
 */
function codeOf(error) {
  if (error instanceof MicrophoneError) return error.code;
  console.error(error);
  const isNotLoaded = error instanceof DOMException && error.name === "AbortError";
  return isNotLoaded ? "unreachable" : "unsupported";
}
