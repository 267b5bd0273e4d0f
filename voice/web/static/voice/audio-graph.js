// @ts-check
/**
 * One AudioContext at the hardware's sample rate, with the capture and the playback worklet in it.
 *
 * A context at 16 kHz would need no resampler in Chromium, but Firefox refuses to connect a microphone
 * stream of another rate to it.
 */

import { INPUT_RATE_HZ, OUTPUT_RATE_HZ } from "./wire.js";

/**
 * @typedef {object} AudioGraphListener
 * @property {(report: import("./player.js").PlayerReport) => void} onPlayerReport
 * @property {(level: number) => void} onMicrophoneLevel Root mean square, 0 to 1.
 * @property {(isRunning: boolean) => void} onRunning The browser has allowed or suspended audio.
 */

export class AudioGraph {
  #listener;
  #context;
  /** @type {AudioWorkletNode | null} */
  #capture = null;
  /** @type {AudioWorkletNode | null} */
  #playback = null;
  /** @type {MediaStreamAudioSourceNode | null} */
  #microphone = null;
  #volume;

  /**
   * Create the context. Must run in a click or key press before anything is awaited, or the browser
   * does not let it play.
   *
   * @param {AudioGraphListener} listener
   */
  constructor(listener) {
    this.#listener = listener;
    this.#context = new AudioContext({ latencyHint: "interactive" });
    this.#volume = this.#context.createGain();
    this.#volume.connect(this.#context.destination);
    this.#context.onstatechange = () => listener.onRunning(this.isRunning);
    this.resume();
  }

  static get isSupported() {
    return "BaseAudioContext" in window && "audioWorklet" in BaseAudioContext.prototype;
  }

  get isRunning() {
    return this.#context.state === "running";
  }

  /** Seconds from the playback worklet to the loudspeaker. */
  get outputLatencyS() {
    return this.#context.outputLatency || this.#context.baseLatency || 0;
  }

  /**
   * Return when a sample reaches the loudspeaker.
   *
   * @param {number} audioMs When the worklet rendered it, by the audio clock.
   * @returns {number} Milliseconds since 1970, with fractions.
   */
  outputTimeMs(audioMs) {
    const { contextTime = 0, performanceTime = 0 } = this.#context.getOutputTimestamp();
    const nowMs = performance.timeOrigin + performance.now();
    if (performanceTime === 0) return nowMs + this.outputLatencyS * 1000; // no output so far
    return performance.timeOrigin + performanceTime + audioMs - contextTime * 1000;
  }

  /**
   * Load the worklets and return the ports through which the socket worker talks to them.
   *
   * @param {{ captureUrl: string, playbackUrl: string }} urls
   * @returns {Promise<{ capturePort: MessagePort, playbackPort: MessagePort }>}
   */
  async load({ captureUrl, playbackUrl }) {
    const { audioWorklet } = this.#context;
    await Promise.all([audioWorklet.addModule(captureUrl), audioWorklet.addModule(playbackUrl)]);
    const capture = this.#createNode("capture", INPUT_RATE_HZ, { numberOfOutputs: 0 });
    const playback = this.#createNode("playback", OUTPUT_RATE_HZ, {
      numberOfInputs: 0,
      outputChannelCount: [1],
    });
    capture.port.onmessage = ({ data }) => this.#listener.onMicrophoneLevel(data);
    playback.port.onmessage = ({ data }) => this.#listener.onPlayerReport(data);
    playback.connect(this.#volume);
    this.#microphone?.connect(capture);
    this.#capture = capture;
    this.#playback = playback;
    return { capturePort: openPort(capture), playbackPort: openPort(playback) };
  }

  /** @param {MediaStream} stream Captured from now on, or once the worklets are loaded. */
  connectMicrophone(stream) {
    this.disconnectMicrophone();
    this.#microphone = this.#context.createMediaStreamSource(stream);
    if (this.#capture !== null) this.#microphone.connect(this.#capture);
  }

  /** @param {number} volume 0 to 1. */
  setVolume(volume) {
    this.#volume.gain.setTargetAtTime(volume, this.#context.currentTime, 0.01);
  }

  /** @param {string} deviceId Of the loudspeaker; "" for the system's own choice. */
  async setSpeaker(deviceId) {
    const context = /** @type {any} */ (this.#context);
    try {
      await context.setSinkId?.(deviceId);
    } catch {
      // The device is gone, or the context closed meanwhile: the sound stays where it is.
    }
  }

  disconnectMicrophone() {
    this.#microphone?.disconnect();
    this.#microphone = null;
  }

  /** Drop the rest of the reply that is playing. */
  skipReply() {
    this.#playback?.port.postMessage({ kind: "skip-reply" });
  }

  /** Ask the browser to play. */
  resume() {
    // The promise stays pending while the browser forbids audio, and rejects if the context is closed
    // meanwhile; `onRunning` reports the outcome.
    this.#context.resume().catch(() => {});
  }

  close() {
    this.#context.onstatechange = null;
    this.disconnectMicrophone();
    void this.#context.close();
  }

  /**
   * @param {string} name
   * @param {number} wireRateHz
   * @param {AudioWorkletNodeOptions} options
   */
  #createNode(name, wireRateHz, options) {
    return new AudioWorkletNode(this.#context, name, {
      ...options,
      processorOptions: { wireRateHz },
    });
  }
}

/**
 * Open a channel to a worklet and return its other end, for the socket worker.
 *
 * @param {AudioWorkletNode} node
 */
function openPort(node) {
  const { port1, port2 } = new MessageChannel();
  node.port.postMessage({ kind: "connect", workerPort: port1 }, [port1]);
  return port2;
}
