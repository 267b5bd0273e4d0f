// @ts-check
/**
 * One AudioContext at the hardware's own rate, with the capture and the playback worklet in it.
 * (A context at 16 kHz would do without a resampler in Chromium, and fail in Firefox.)
 */

import { INPUT_RATE_HZ, OUTPUT_RATE_HZ } from "./wire.js";

/**
 * @typedef {object} AudioListener
 * @property {(report: import("./player.js").PlayerReport) => void} onReport
 * @property {(level: number) => void} onMicrophoneLevel
 * @property {(running: boolean) => void} onRunning
 */

export class AudioGraph {
  #listener;
  #context;
  /** @type {AudioWorkletNode | null} */
  #capture = null;
  /** @type {AudioWorkletNode | null} */
  #playback = null;
  /** @type {MediaStreamAudioSourceNode | null} */
  #source = null;

  /**
   * Must be made in a click or a key press, before anything is awaited: only then may it sound.
   *
   * @param {AudioListener} listener
   */
  constructor(listener) {
    this.#listener = listener;
    this.#context = new AudioContext({ latencyHint: "interactive" });
    this.#context.onstatechange = () => listener.onRunning(this.isRunning);
    this.resume();
  }

  static get isSupported() {
    return "AudioWorkletNode" in window;
  }

  get isRunning() {
    return this.#context.state === "running";
  }

  /** Seconds from the worklet to the ear. */
  get outputLatencyS() {
    return this.#context.outputLatency || this.#context.baseLatency || 0;
  }

  /**
   * When a sample played at `audioMs` of the worklets' clock comes to the ear, by this page's clock
   * (milliseconds since 1970, finer than a millisecond).
   *
   * @param {number} audioMs
   */
  heardAtMs(audioMs) {
    const { contextTime = 0, performanceTime = 0 } = this.#context.getOutputTimestamp();
    const nowMs = performance.timeOrigin + performance.now();
    if (performanceTime === 0) return nowMs + this.outputLatencyS * 1000; // nothing was output yet
    return performance.timeOrigin + performanceTime + audioMs - contextTime * 1000;
  }

  /**
   * @param {{ captureUrl: string, playbackUrl: string }} urls
   * @returns {Promise<{ capture: MessagePort, playback: MessagePort }>} the ends for the socket
   */
  async load({ captureUrl, playbackUrl }) {
    const { audioWorklet } = this.#context;
    await Promise.all([audioWorklet.addModule(captureUrl), audioWorklet.addModule(playbackUrl)]);
    const capture = (this.#capture = this.#node("capture", INPUT_RATE_HZ, { numberOfOutputs: 0 }));
    const playback = (this.#playback = this.#node("playback", OUTPUT_RATE_HZ, {
      numberOfInputs: 0,
      outputChannelCount: [1],
    }));
    capture.port.onmessage = ({ data }) => this.#listener.onMicrophoneLevel(data);
    playback.port.onmessage = ({ data }) => this.#listener.onReport(data);
    playback.connect(this.#context.destination);
    this.#source?.connect(capture);
    return { capture: socketEnd(capture), playback: socketEnd(playback) };
  }

  /** @param {MediaStream} stream heard from now on, or from when the worklets are there */
  attach(stream) {
    this.detach();
    this.#source = this.#context.createMediaStreamSource(stream);
    if (this.#capture !== null) this.#source.connect(this.#capture);
  }

  detach() {
    this.#source?.disconnect();
    this.#source = null;
  }

  /** Be silent for the rest of this reply. */
  hush() {
    this.#playback?.port.postMessage("hush");
  }

  resume() {
    // Never settles while the browser forbids sound, and fails if the call is over before it may;
    // `onRunning` tells what there is to know.
    this.#context.resume().catch(() => {});
  }

  close() {
    this.#context.onstatechange = null;
    this.detach();
    void this.#context.close();
  }

  /**
   * @param {string} name
   * @param {number} wireRateHz
   * @param {AudioWorkletNodeOptions} options
   */
  #node(name, wireRateHz, options) {
    return new AudioWorkletNode(this.#context, name, {
      ...options,
      processorOptions: { wireRateHz },
    });
  }
}

/**
 * Give a worklet a line of its own to the socket worker.
 *
 * @param {AudioWorkletNode} node
 */
function socketEnd(node) {
  const { port1, port2 } = new MessageChannel();
  node.port.postMessage({ socket: port1 }, [port1]);
  return port2;
}
