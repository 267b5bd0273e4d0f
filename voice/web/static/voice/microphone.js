// @ts-check
/** Opens and releases the customer's microphone, and notices when the device goes away. */

import { microphoneFailure } from "./failures.js";

/** @type {MediaTrackConstraints} */
const CONSTRAINTS = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
  channelCount: 1,
};

/** The microphone can't be opened; `code` names the text that says why. */
export class MicrophoneError extends Error {
  /** @param {import("./failures.js").FailureCode} code @param {unknown} [cause] */
  constructor(code, cause) {
    super(code, { cause });
    this.code = code;
  }
}

export class Microphone {
  /** @param {MediaStream} stream */
  constructor(stream) {
    this.stream = stream;
  }

  /**
   * Open the microphone; the browser may ask the customer first.
   *
   * @param {string} [deviceId] The device that the customer chose; another one if it is gone.
   * @returns {Promise<Microphone>}
   * @throws {MicrophoneError}
   */
  static async open(deviceId = "") {
    // Browsers hide `mediaDevices` from a page that came by plain http from another machine.
    if (navigator.mediaDevices === undefined) throw new MicrophoneError("mic-insecure");
    try {
      const choice = deviceId === "" ? {} : { deviceId: { ideal: deviceId } };
      const audio = { ...CONSTRAINTS, ...choice };
      return new Microphone(await navigator.mediaDevices.getUserMedia({ audio }));
    } catch (error) {
      throw new MicrophoneError(microphoneFailure(error), error);
    }
  }

  /** @param {() => void} listener Called once when the device goes away, not after `release`. */
  onLost(listener) {
    for (const track of this.stream.getTracks()) {
      track.addEventListener("ended", listener, { once: true });
    }
  }

  get isMuted() {
    return this.stream.getTracks().some((track) => track.muted);
  }

  /** @param {(isMuted: boolean) => void} listener Called when the system silences or opens it. */
  onMuted(listener) {
    for (const track of this.stream.getTracks()) {
      track.addEventListener("mute", () => listener(true));
      track.addEventListener("unmute", () => listener(false));
    }
  }

  release() {
    for (const track of this.stream.getTracks()) track.stop();
  }
}
