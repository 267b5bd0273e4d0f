// Runs in the page before its own scripts: keeps what reaches the loudspeaker and the parts the
// tests must reach, and turns off the browser's voice processing where a test asks for it.
(() => {
  const world = { heard: [], rateHz: 0, contexts: [], streams: [] };
  window.tests = world;

  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) listenTo(this, target);
    return connect.call(this, target, ...rest);
  };

  function listenTo(node, destination) {
    const tap = node.context.createScriptProcessor(4096, 1, 1);
    tap.onaudioprocess = ({ inputBuffer }) => world.heard.push(inputBuffer.getChannelData(0).slice());
    connect.call(node, tap);
    connect.call(tap, destination);
    world.contexts.push(node.context);
    world.rateHz = node.context.sampleRate;
  }

  const getUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (constraints) => {
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const stream = await getUserMedia(window.plainMicrophone ? { audio: plain } : constraints);
    world.streams.push(stream);
    return stream;
  };

  /** All that was heard, as base64 of little-endian 32-bit floats. */
  world.recording = () => {
    const bytes = new Uint8Array(world.heard.reduce((sum, part) => sum + part.byteLength, 0));
    let at = 0;
    for (const part of world.heard) {
      bytes.set(new Uint8Array(part.buffer), at);
      at += part.byteLength;
    }
    let text = "";
    for (let i = 0; i < bytes.length; i += 32768) {
      text += String.fromCharCode(...bytes.subarray(i, i + 32768));
    }
    return btoa(text);
  };
})();
