// @ts-check
/**
 * Starts, resumes and ends calls: connects microphone, loudspeaker and socket for one call at a time.
 * Reports what happens as actions for `call-state.js` and events for `transcript.js`. Does not touch
 * the document.
 *
 * When something awaited arrives, the customer may have hung up meanwhile, or started another call. So
 * each call has an AbortSignal, and what arrives for an aborted one is ignored.
 */

import { AudioGraph } from "./audio-graph.js";
import { Microphone, MicrophoneError } from "./microphone.js";
import { SilentAudio } from "./silent-audio.js";
import { SocketClient } from "./socket-client.js";

/** @typedef {import("./call-protocol.js").ResumePoint} ResumePoint */
/** @typedef {import("./call-state.js").Action} Action */
/** @typedef {import("./failures.js").FailureCode} FailureCode */
/** @typedef {import("./player.js").PlayerReport} PlayerReport */
/** @typedef {import("./uplink.js").PendingText} PendingText */
/** @typedef {import("./wire.js").WireEvent} WireEvent */

/**
 * @typedef {object} CallSettings
 * @property {string} captureUrl
 * @property {string} playbackUrl
 * @property {string} workerUrl
 * @property {string} socketUrl
 * @property {string} ticketUrl
 * @property {number} resumeTimeoutMs How long a disconnected call can be resumed.
 */

/**
 * @typedef {object} CallOptions
 * @property {boolean} withMicrophone
 * @property {boolean} greet Whether the assistant speaks first.
 */

/**
 * @typedef {object} CallListener
 * @property {(action: Action) => void} onAction
 * @property {(event: WireEvent, audio: { hasUnplayedAudio: boolean }) => void} onEvent
 * @property {(texts: PendingText[]) => void} onPendingTexts
 * @property {(report: PlayerReport) => void} onPlayerReport
 * @property {(level: number) => void} onMicrophoneLevel Root mean square, 0 to 1.
 * @property {(ms: number) => void} onRoundTrip
 */

/** A browser that takes longer than this to open the microphone is asking the customer. */
const PROMPT_AFTER_MS = 400;

export class CallClient {
  #settings;
  #listener;
  /** Aborts when the call is over. */
  #call = new AbortController();
  /** @type {AudioGraph | SilentAudio | null} */
  #audio = null;
  /** @type {SocketClient | null} */
  #socket = null;
  /** @type {Microphone | null} */
  #microphone = null;
  /** Counts what the customer asked of the microphone: an older request does not open it. */
  #microphoneRequests = 0;
  /** What the customer chose; "" is the system's own choice. */
  #sound = { microphoneId: "", speakerId: "", volume: 1 };
  /** Whether the player has played all audio of the call. */
  #isPlaybackFinished = false;
  /** Pending texts of the call, as the worker last reported them. @type {PendingText[]} */
  #reportedTexts = [];
  /**
   * Texts typed since then. The listener has them at once: the page may go away before the worker has
   * reported them, and the next page resumes the call from what the listener stored.
   *
   * @type {string[]}
   */
  #unreportedTexts = [];

  /**
   * @param {CallSettings} settings
   * @param {CallListener} listener
   */
  constructor(settings, listener) {
    this.#settings = settings;
    this.#listener = listener;
  }

  /** Seconds from the playback worklet to the loudspeaker. */
  get outputLatencyS() {
    return this.#audio?.outputLatencyS ?? 0;
  }

  /**
   * Start a call. Must run in the customer's click or key press.
   *
   * @param {CallOptions} options
   */
  start({ withMicrophone, greet }) {
    return this.#setUp(async (audio, signal) => {
      const ports = await audio.load(this.#settings);
      if (withMicrophone) await this.#connectMicrophone(audio, signal);
      if (!signal.aborted) this.#connect({ ...ports, greet, resume: null });
    });
  }

  /**
   * Resume a call after the page was loaded again. The server comes first; the microphone follows, and
   * the customer may refuse it.
   *
   * @param {ResumePoint} resume
   * @param {{ withMicrophone: boolean }} options
   */
  resume(resume, { withMicrophone }) {
    return this.#setUp(async (audio, signal) => {
      this.#reportedTexts = resume.pendingTexts;
      const ports = await audio.load(this.#settings);
      if (signal.aborted) return;
      this.#connect({ ...ports, greet: true, resume });
      if (withMicrophone) await this.#addMicrophone();
    });
  }

  /** Add the microphone to a call that runs without one. */
  async openMicrophone() {
    this.#listener.onAction({ type: "microphone-requested" });
    await this.#addMicrophone();
  }

  /** @param {{ microphoneId: string, speakerId: string, volume: number }} sound */
  setSound(sound) {
    const before = this.#sound;
    this.#sound = sound;
    this.#applySound();
    if (before.microphoneId !== sound.microphoneId && this.#microphone !== null) {
      this.closeMicrophone();
      void this.openMicrophone();
    }
  }

  #applySound() {
    this.#audio?.setVolume(this.#sound.volume);
    void this.#audio?.setSpeaker(this.#sound.speakerId);
  }

  /** Stop the microphone; the call goes on. */
  closeMicrophone() {
    this.#microphoneRequests += 1;
    this.#audio?.disconnectMicrophone();
    this.#microphone?.release();
    this.#microphone = null;
    this.#listener.onAction({ type: "microphone-closed" });
  }

  /** @param {string} text */
  sendText(text) {
    this.#unreportedTexts.push(text);
    this.#socket?.sendText(text); // without one yet, `#connect` sends it
    this.#reportPendingTexts();
  }

  /** Drop the rest of the reply that is playing. */
  skipReply() {
    this.#audio?.skipReply();
  }

  /** Ask the browser to play audio that it has blocked. */
  resumeAudio() {
    this.#audio?.resume();
  }

  /** Reconnect now instead of waiting for the next attempt. */
  reconnect() {
    this.#socket?.reconnect();
  }

  hangUp() {
    this.#release();
  }

  /** Disconnect without hanging up, because the page goes away; the call can be resumed. */
  disconnect() {
    this.#socket?.terminate();
    this.#socket = null;
    this.#release();
  }

  // Setting up a call

  /** @param {(audio: AudioGraph | SilentAudio, signal: AbortSignal) => Promise<void>} connect */
  async #setUp(connect) {
    this.#release();
    // Browsers have no worklets on a page that came by plain http from another machine.
    const isSilent = !AudioGraph.isSupported && !window.isSecureContext;
    if (!AudioGraph.isSupported && !isSilent) {
      return this.#end({ type: "failed", code: "unsupported" });
    }
    const { signal } = this.#call;
    const audio = new (isSilent ? SilentAudio : AudioGraph)({
      onPlayerReport: (report) => signal.aborted || this.#onPlayerReport(report),
      onMicrophoneLevel: this.#listener.onMicrophoneLevel,
      onRunning: (isRunning) => this.#listener.onAction({ type: "audio-context", isRunning }),
    });
    this.#audio = audio;
    this.#applySound();
    try {
      await connect(audio, signal);
    } catch (error) {
      if (!signal.aborted) this.#end({ type: "failed", code: failureCode(error) });
    }
  }

  /** @param {FailureCode} [code] To report instead of the cause, where it fails. */
  async #addMicrophone(code) {
    const { signal } = this.#call;
    if (this.#audio === null) return;
    try {
      await this.#connectMicrophone(this.#audio, signal);
    } catch (error) {
      if (signal.aborted) return;
      this.#listener.onAction({ type: "microphone-failed", code: code ?? failureCode(error) });
    }
  }

  /**
   * @param {AudioGraph | SilentAudio} audio
   * @param {AbortSignal} signal
   */
  async #connectMicrophone(audio, signal) {
    const request = ++this.#microphoneRequests;
    const microphone = await this.#requestMicrophone(signal);
    if (signal.aborted || request !== this.#microphoneRequests) return microphone.release();
    this.#microphone = microphone;
    microphone.onMuted((isMuted) => {
      if (microphone !== this.#microphone) return;
      this.#listener.onAction({ type: "microphone-muted", isMuted });
    });
    microphone.onLost(() => this.#onMicrophoneLost(microphone));
    audio.connectMicrophone(microphone.stream);
    this.#listener.onAction({ type: "microphone-opened" });
    if (microphone.isMuted) this.#listener.onAction({ type: "microphone-muted", isMuted: true });
  }

  /**
   * Open the microphone, and report that the browser is asking the customer for permission. A browser
   * that has permission already opens it at once, and nothing is reported.
   *
   * @param {AbortSignal} signal
   */
  async #requestMicrophone(signal) {
    const timer = setTimeout(() => {
      if (!signal.aborted) this.#listener.onAction({ type: "microphone-prompting" });
    }, PROMPT_AFTER_MS);
    try {
      return await Microphone.open(this.#sound.microphoneId);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * @param {Pick<import("./socket-client.js").StartOptions,
   *   "capturePort" | "playbackPort" | "greet" | "resume">} options
   */
  #connect(options) {
    const { signal } = this.#call;
    this.#socket = new SocketClient(this.#settings.workerUrl, {
      onEvent: (event, audio) => signal.aborted || this.#onEvent(event, audio),
      onPendingTexts: (...report) => signal.aborted || this.#onPendingTexts(...report),
      onRoundTrip: (ms) => signal.aborted || this.#listener.onRoundTrip(ms),
      onReconnecting: () => signal.aborted || this.#listener.onAction({ type: "reconnecting" }),
      onClosed: (action) => signal.aborted || this.#end(action),
    });
    const { socketUrl, ticketUrl, resumeTimeoutMs } = this.#settings;
    this.#socket.start({ socketUrl, ticketUrl, resumeTimeoutMs, ...options });
    for (const text of this.#unreportedTexts) this.#socket.sendText(text);
  }

  // During a call

  /**
   * @param {WireEvent} event
   * @param {{ hasUnplayedAudio: boolean }} audio
   */
  #onEvent(event, { hasUnplayedAudio }) {
    this.#listener.onEvent(event, { hasUnplayedAudio });
    if (event.type === "ready" || event.type === "resumed") {
      const isRunning = this.#audio?.isRunning ?? false;
      this.#listener.onAction({ type: "audio-context", isRunning });
    }
    if (event.type === "ended") this.#onEnded(hasUnplayedAudio);
  }

  /**
   * @param {PendingText[]} texts
   * @param {number} newTexts
   */
  #onPendingTexts(texts, newTexts) {
    this.#reportedTexts = texts;
    this.#unreportedTexts.splice(0, newTexts);
    this.#reportPendingTexts();
  }

  #reportPendingTexts() {
    const unreported = this.#unreportedTexts.map((text) => ({ sequence: null, text }));
    this.#listener.onPendingTexts([...this.#reportedTexts, ...unreported]);
  }

  /** @param {PlayerReport} report */
  #onPlayerReport(report) {
    const { startedReply, isFinished } = report;
    if (startedReply !== null && this.#audio !== null) {
      const { position, atMs } = startedReply;
      this.#socket?.reportPlaybackStarted({ position, atMs: this.#audio.outputTimeMs(atMs) });
    }
    this.#listener.onPlayerReport(report);
    this.#isPlaybackFinished = isFinished;
    if (isFinished && this.#socket === null) this.#release();
  }

  /**
   * The device is gone: open the microphone anew, since there may be another device.
   *
   * @param {Microphone} microphone
   */
  #onMicrophoneLost(microphone) {
    if (microphone !== this.#microphone) return;
    this.#microphone = null;
    this.#audio?.disconnectMicrophone();
    void this.#addMicrophone("mic-lost");
  }

  // Ending a call

  /**
   * The server has ended the call: keep playing what has arrived, then release everything.
   *
   * @param {boolean} hasUnplayedAudio
   */
  #onEnded(hasUnplayedAudio) {
    this.#microphone?.release();
    this.#audio?.disconnectMicrophone();
    this.#socket = null;
    if (!hasUnplayedAudio || this.#isPlaybackFinished) this.#release();
  }

  /** @param {Action} action */
  #end(action) {
    this.#release();
    this.#listener.onAction(action);
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
    this.#isPlaybackFinished = false;
    this.#reportedTexts = [];
    this.#unreportedTexts = [];
  }
}

/**
 * @param {unknown} error Thrown while a call was set up.
 * @returns {FailureCode}
 */
function failureCode(error) {
  if (error instanceof MicrophoneError) return error.code;
  console.error(error);
  const isLoadError = error instanceof DOMException && error.name === "AbortError";
  return isLoadError ? "unreachable" : "unsupported";
}
