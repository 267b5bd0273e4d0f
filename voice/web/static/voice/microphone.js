// @ts-check
/** The customer's microphone: asking for it, noticing its loss, letting go of it. */

import { microphoneFailure } from "./failures.js";

/** @type {MediaStreamConstraints} */
const VOICE = {
  audio: {
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
    channelCount: 1,
  },
};

/** The microphone can't be had; `code` names the sentence that says why. */
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
   * @returns {Promise<Microphone>}
   * @throws {MicrophoneError}
   */
  static async open() {
    // Absent on a page that came over plain http from another machine.
    if (navigator.mediaDevices === undefined) throw new MicrophoneError("mic-insecure");
    try {
      return new Microphone(await navigator.mediaDevices.getUserMedia(VOICE));
    } catch (error) {
      throw new MicrophoneError(microphoneFailure(error), error);
    }
  }

  /** @param {() => void} lost called once when the device goes, not when it is released */
  whenLost(lost) {
    for (const track of this.stream.getTracks()) {
      track.addEventListener("ended", lost, { once: true });
    }
  }

  release() {
    for (const track of this.stream.getTracks()) track.stop();
  }
}
