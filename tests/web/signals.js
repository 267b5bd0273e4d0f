/** Signals for tests. */

/** Return a sine of amplitude 1. */
export function tone(frequencyHz, rateHz, seconds) {
  const step = (2 * Math.PI * frequencyHz) / rateHz;
  return Float32Array.from({ length: rateHz * seconds }, (_, i) => Math.sin(step * i));
}

/** Return a sine of half scale as 16-bit samples. */
export function tone16(frequencyHz, rateHz, seconds) {
  return Int16Array.from(tone(frequencyHz, rateHz, seconds), (x) => Math.round(x * 16_384));
}

export function decibels(powerRatio) {
  return 10 * Math.log10(powerRatio);
}
