// Runs in the page before its own scripts: keeps what reaches the loudspeaker and what comes from
// the microphone, and the parts a test must reach.
(() => {
  const world = { heard: [], spoken: [], rateHz: 0, contexts: [], streams: [] };
  window.tests = world;

  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) void listenTo(this, world.heard);
    if (this instanceof MediaStreamAudioSourceNode) void listenTo(this, world.spoken);
    return connect.call(this, target, ...rest);
  };

  async function listenTo(node, sound) {
    if (sound === world.heard) world.contexts.push(node.context);
    world.rateHz = node.context.sampleRate;
    try {
      await tapInAudioThread(node, sound);
    } catch {
      tapInPageThread(node, sound); // the real site doesn't serve the tests' worklet
    }
  }

  async function tapInAudioThread(node, sound) {
    await node.context.audioWorklet.addModule("/tests/tap-worklet.js");
    const tap = new AudioWorkletNode(node.context, "tests-tap", { numberOfOutputs: 0 });
    tap.port.onmessage = ({ data }) => sound.push(data);
    connect.call(node, tap);
  }

  // Misses a block here and there where the page is busy: good for "was anything heard".
  function tapInPageThread(node, sound) {
    const tap = node.context.createScriptProcessor(4096, 1, 1);
    tap.onaudioprocess = ({ inputBuffer }) => sound.push(inputBuffer.getChannelData(0).slice());
    connect.call(node, tap);
    connect.call(tap, node.context.destination);
  }

  const getUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (constraints) => {
    const stream = await getUserMedia(constraints);
    world.streams.push(stream);
    return stream;
  };

  /** All of a sound so far, as base64 of little-endian 32-bit floats. */
  world.recording = (which) => {
    const parts = world[which];
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(new Uint8Array(part.buffer), at);
      at += part.byteLength;
    }
    return base64(bytes);
  };

  function base64(bytes) {
    let text = "";
    for (let i = 0; i < bytes.length; i += 32768) {
      text += String.fromCharCode(...bytes.subarray(i, i + 32768));
    }
    return btoa(text);
  }
})();
