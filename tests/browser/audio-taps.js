// Runs in the page before its own scripts. Records what reaches the loudspeaker ("output") and what
// comes from the microphone ("input") and every text of the status, and gives tests access to contexts
// and streams.
(() => {
  const tests = { output: [], input: [], rateHz: 0, contexts: [], streams: [] };
  window.tests = tests;

  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) {
      tests.contexts.push(this.context);
      void tap(this, tests.output);
    }
    if (this instanceof MediaStreamAudioSourceNode) void tap(this, tests.input);
    return connect.call(this, target, ...rest);
  };

  async function tap(node, recording) {
    tests.rateHz = node.context.sampleRate;
    try {
      await tapInAudioThread(node, recording);
    } catch {
      tapInPageThread(node, recording); // the real site does not serve the tests' worklet
    }
  }

  async function tapInAudioThread(node, recording) {
    await node.context.audioWorklet.addModule("/tests/tap-worklet.js");
    const worklet = new AudioWorkletNode(node.context, "tests-tap", { numberOfOutputs: 0 });
    worklet.port.onmessage = ({ data }) => recording.push(data);
    connect.call(node, worklet);
  }

  // Misses blocks while the page is busy: good enough to test whether anything is audible.
  function tapInPageThread(node, recording) {
    const processor = node.context.createScriptProcessor(4096, 1, 1);
    processor.onaudioprocess = ({ inputBuffer }) => {
      recording.push(inputBuffer.getChannelData(0).slice());
    };
    connect.call(node, processor);
    connect.call(processor, node.context.destination);
  }

  const devices = navigator.mediaDevices; // undefined on a page that is no secure context
  if (devices !== undefined) {
    const getUserMedia = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (constraints) => {
      const stream = await getUserMedia(constraints);
      tests.streams.push(stream);
      return stream;
    };
  }

  tests.statuses = []; // each text once, however short it is shown
  let status = "";
  new MutationObserver(() => {
    const text = document.querySelector("[role=status]")?.textContent ?? "";
    if (text !== status) tests.statuses.push((status = text));
  }).observe(document, { childList: true, characterData: true, subtree: true });

  /** Whether the status has shown this text since the last that was found. */
  tests.hasShown = (text) => {
    const found = tests.statuses.indexOf(text);
    tests.statuses.splice(0, found + 1);
    return found >= 0;
  };

  /** Return a recording so far, as base64 of little-endian 32-bit floats. */
  tests.recording = (name) => {
    const blocks = tests[name];
    const bytes = new Uint8Array(blocks.reduce((sum, block) => sum + block.byteLength, 0));
    let offset = 0;
    for (const block of blocks) {
      bytes.set(new Uint8Array(block.buffer), offset);
      offset += block.byteLength;
    }
    return toBase64(bytes);
  };

  function toBase64(bytes) {
    let text = "";
    for (let i = 0; i < bytes.length; i += 32768) {
      text += String.fromCharCode(...bytes.subarray(i, i + 32768));
    }
    return btoa(text);
  }
})();
