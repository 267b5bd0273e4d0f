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

/**
 * @typedef {object} PhoneUrls
 * @property {string} captureUrl
 * @property {string} playbackUrl
 * @property {string} workerUrl
 * @property {string} socketUrl
 */

/**
 * @typedef {object} PhoneListener
 * @property {(action: Action) => void} onAction
 * @property {(event: WireEvent) => void} onEvent
 * @property {(report: PlayerReport) => void} onReport
 * @property {(level: number) => void} onMicrophoneLevel
 */

/** A browser that takes longer than this to open the microphone is asking the customer. */
const ASKING_MS = 400;

export class Phone {
  #urls;
  #listener;
  /** @type {AbortController} */
  #call = new AbortController();
  /** @type {AudioGraph | null} */
  #audio = null;
  /** @type {Socket | null} */
  #socket = null;
  /** @type {Microphone | null} */
  #microphone = null;
  #sounding = false;
  /** Texts typed before there was a socket to say them on. @type {string[]} */
  #unsaid = [];

  /**
   * @param {PhoneUrls} urls
   * @param {PhoneListener} listener
   */
  constructor(urls, listener) {
    this.#urls = urls;
    this.#listener = listener;
  }

  /** Seconds from the playback worklet to the ear. */
  get outputLatencyS() {
    return this.#audio?.outputLatencyS ?? 0;
  }

  /**
   * Begin a call. Call it in the customer's click or key press.
   *
   * @param {{ withMicrophone: boolean }} how
   */
  async dial({ withMicrophone }) {
    this.#release();
    if (!AudioGraph.isSupported) return this.#fail("unsupported");
    const { signal } = this.#call;
    const audio = (this.#audio = new AudioGraph({
      onReport: (report) => this.#reported(report, signal),
      onMicrophoneLevel: this.#listener.onMicrophoneLevel,
      onRunning: (running) => this.#listener.onAction({ type: "sound", running }),
    }));
    try {
      const ports = await audio.load(this.#urls);
      if (withMicrophone) await this.#openMicrophone(audio, signal);
      if (!signal.aborted) this.#connect(ports);
    } catch (error) {
      if (!signal.aborted) this.#fail(codeOf(error));
    }
  }

  /** Add the microphone to a call that goes on without one. */
  async openMicrophone() {
    const { signal } = this.#call;
    if (this.#audio === null) return;
    this.#listener.onAction({ type: "microphone-wanted" });
    try {
      await this.#openMicrophone(this.#audio, signal);
    } catch (error) {
      if (!signal.aborted) this.#withoutMicrophone(codeOf(error));
    }
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

  hangUp() {
    this.#release();
  }

  // The parts of a call

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

  /** @param {{ capture: MessagePort, playback: MessagePort }} ports */
  #connect(ports) {
    const { signal } = this.#call;
    this.#socket = new Socket(this.#urls, {
      onEvent: (event) => this.#heard(event),
      onRetry: () => this.#listener.onAction({ type: "retrying" }),
      onClosed: (code) => signal.aborted || this.#fail(code),
    });
    this.#socket.open(ports);
    for (const text of this.#unsaid.splice(0)) this.#socket.say(text);
  }

  /** @param {WireEvent} event */
  #heard(event) {
    this.#listener.onEvent(event);
    if (event.type === "ready") this.#listener.onAction({ type: "sound", running: this.#running });
    if (event.type === "ended") this.#finish();
  }

  get #running() {
    return this.#audio?.isRunning ?? false;
  }

  /**
   * @param {PlayerReport} report
   * @param {AbortSignal} signal
   */
  #reported(report, signal) {
    if (signal.aborted) return;
    this.#sounding = report.state !== "idle";
    this.#listener.onReport(report);
    if (!this.#sounding && this.#socket === null) this.#release();
  }

  // The ends of a call

  /** The server has ended the call: what it still has to say is heard to the end. */
  #finish() {
    this.#microphone?.release();
    this.#audio?.detach();
    this.#socket?.leave();
    this.#socket = null;
    if (!this.#sounding) this.#release();
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
    this.#sounding = false;
    this.#unsaid = [];
  }

  /** @param {import("./failures.js").FailureCode} code */
  #fail(code) {
    this.#release();
    this.#listener.onAction({ type: "failed", code });
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
  return "unsupported";
}
