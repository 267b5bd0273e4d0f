// @ts-check
/**
 * Tests what a call needs, one after the other: secure page, microphone, sound, and the server. Each
 * test has a result of its own, also where one before it failed.
 */

import { Microphone, MicrophoneError } from "./microphone.js";

/**
 * @typedef {object} TestResult
 * @property {"secure" | "microphone" | "sound" | "server" | "socket"} name
 * @property {boolean} hasPassed
 * @property {string} detail For those who help the customer.
 */

const LISTEN_MS = 1500;
const TIMEOUT_MS = 8000;

/**
 * @param {{ ticketUrl: string, socketUrl: string, microphoneId: string }} settings
 * @returns {Promise<TestResult[]>}
 */
export async function runSelfTest({ ticketUrl, socketUrl, microphoneId }) {
  return [
    { name: "secure", hasPassed: window.isSecureContext, detail: location.protocol },
    await attempt("microphone", () => testMicrophone(microphoneId)),
    await attempt("sound", testSound),
    await attempt("server", () => testServer(ticketUrl)),
    await attempt("socket", () => testSocket(socketUrl)),
  ];
}

/**
 * @param {TestResult["name"]} name
 * @param {() => Promise<string>} test Throws if it fails; returns the detail.
 * @returns {Promise<TestResult>}
 */
async function attempt(name, test) {
  try {
    return { name, hasPassed: true, detail: await test() };
  } catch (error) {
    const detail = error instanceof MicrophoneError ? error.code : String(error);
    return { name, hasPassed: false, detail };
  }
}

/** @param {string} deviceId */
async function testMicrophone(deviceId) {
  const microphone = await Microphone.open(deviceId);
  const context = new AudioContext();
  try {
    await context.resume();
    const analyser = context.createAnalyser();
    context.createMediaStreamSource(microphone.stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const endsAtMs = performance.now() + LISTEN_MS;
    let peak = 0;
    while (performance.now() < endsAtMs) {
      analyser.getFloatTimeDomainData(samples);
      for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    const { label } = microphone.stream.getAudioTracks()[0];
    if (peak === 0) throw new Error(`${label}: silence`);
    return `${label}, ${Math.round(20 * Math.log10(peak))} dB`;
  } finally {
    microphone.release();
    void context.close();
  }
}

/** Play a short tone; whether it is heard, only the customer knows. */
async function testSound() {
  const context = new AudioContext();
  try {
    await context.resume();
    const gain = context.createGain();
    gain.gain.value = 0.2;
    gain.connect(context.destination);
    const tone = context.createOscillator();
    tone.frequency.value = 660;
    tone.connect(gain);
    tone.start();
    await new Promise((resolve) => setTimeout(resolve, 400));
    tone.stop();
    if (context.state !== "running") throw new Error(context.state);
    return `${context.sampleRate} Hz`;
  } finally {
    void context.close();
  }
}

/** @param {string} url */
async function testServer(url) {
  const startedAtMs = performance.now();
  const response = await fetch(url, { method: "POST", signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return `${Math.round(performance.now() - startedAtMs)} ms`;
}

/** Open a WebSocket, which some networks do not let through. @param {string} url */
async function testSocket(url) {
  const startedAtMs = performance.now();
  const socket = new WebSocket(url, "sonic.audio.v1");
  try {
    await new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error("timeout")), TIMEOUT_MS);
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error("WebSocket"));
    });
  } finally {
    socket.close();
  }
  return `${Math.round(performance.now() - startedAtMs)} ms`;
}
