// A conversation through the AWS SDK for JavaScript v3: a tool call and an interruption.
// usage: node client.js ENDPOINT_URL SECRET_KEY; NODE_EXTRA_CA_CERTS names the CA file.
// Prints one JSON object with what was received.

import {
  BedrockRuntimeClient,
  InvokeModelWithBidirectionalStreamCommand,
} from "@aws-sdk/client-bedrock-runtime";

const [endpoint, secretAccessKey] = process.argv.slice(2);
const promptName = "prompt";
const audioName = "audio";
const PCM = { mediaType: "audio/lpcm", sampleSizeBits: 16, channelCount: 1 };
const TEXT = { mediaType: "text/plain" };

class Queue {
  #items = [];
  #wake = () => {};

  push(...items) {
    this.#items.push(...items);
    this.#wake();
  }

  async *[Symbol.asyncIterator]() {
    while (true) {
      while (this.#items.length) {
        const item = this.#items.shift();
        if (item === null) return;
        yield item;
      }
      await new Promise((resolve) => (this.#wake = resolve));
    }
  }
}

const encoder = new TextEncoder();
const chunk = (event) => ({ chunk: { bytes: encoder.encode(JSON.stringify({ event })) } });
const input = new Queue();
const send = (...events) => input.push(...events.map(chunk));

function textBlock(contentName, role, content, interactive) {
  const names = { promptName, contentName };
  return [
    { contentStart: { ...names, type: "TEXT", interactive, role, textInputConfiguration: TEXT } },
    { textInput: { ...names, content } },
    { contentEnd: names },
  ];
}

function toolResultBlock(toolUseId, result) {
  const names = { promptName, contentName: `result-${toolUseId}` };
  const configuration = { toolUseId, type: "TEXT", textInputConfiguration: TEXT };
  return [
    {
      contentStart: {
        ...names,
        type: "TOOL",
        role: "TOOL",
        interactive: false,
        toolResultInputConfiguration: configuration,
      },
    },
    { toolResult: { ...names, content: JSON.stringify(result) } },
    { contentEnd: names },
  ];
}

const schema = JSON.stringify({ type: "object", properties: { orderId: { type: "string" } } });
send(
  { sessionStart: { inferenceConfiguration: { maxTokens: 1024, topP: 0.9, temperature: 0 } } },
  {
    promptStart: {
      promptName,
      textOutputConfiguration: TEXT,
      audioOutputConfiguration: {
        ...PCM,
        sampleRateHertz: 24000,
        voiceId: "lupe",
        encoding: "base64",
        audioType: "SPEECH",
      },
      toolUseOutputConfiguration: { mediaType: "application/json" },
      toolConfiguration: {
        tools: [
          {
            toolSpec: {
              name: "consultarOrder",
              description: "Consulta un pedido",
              inputSchema: { json: schema },
            },
          },
        ],
      },
    },
  },
  ...textBlock("system", "SYSTEM", "Sos un asistente.", false),
  {
    contentStart: {
      promptName,
      contentName: audioName,
      type: "AUDIO",
      interactive: true,
      role: "USER",
      audioInputConfiguration: {
        ...PCM,
        sampleRateHertz: 16000,
        audioType: "SPEECH",
        encoding: "base64",
      },
    },
  },
);
const silence = Buffer.alloc(1024).toString("base64");
const microphone = setInterval(
  () => send({ audioInput: { promptName, contentName: audioName, content: silence } }),
  32,
);

const client = new BedrockRuntimeClient({
  region: "us-east-1",
  endpoint,
  credentials: { accessKeyId: "local", secretAccessKey },
});
const found = { tool: null, spoken: [], audioBytes: 0, interrupted: false, ended: false };
const stages = {};

// Sent before the response is awaited: the SDK resolves it with the first output event.
send(...textBlock("question", "USER", "Consulta el pedido número 1 con DNI 12345678", true));

try {
  const response = await client.send(
    new InvokeModelWithBidirectionalStreamCommand({
      modelId: "amazon.nova-2-sonic-v1:0",
      body: input,
    }),
  );
  for await (const output of response.body) {
    const { event } = JSON.parse(new TextDecoder().decode(output.chunk.bytes));
    receive(Object.keys(event)[0], Object.values(event)[0]);
  }
  found.ended = true;
} catch (error) {
  found.error = error.name;
} finally {
  clearInterval(microphone);
}
console.log(JSON.stringify(found));
process.exit(0);

function receive(name, body) {
  if (name === "contentStart" && body.additionalModelFields) {
    stages[body.contentId] = JSON.parse(body.additionalModelFields).generationStage;
  } else if (name === "toolUse") {
    found.tool = { name: body.toolName, arguments: JSON.parse(body.content) };
    send(...toolResultBlock(body.toolUseId, { ok: true, order: { id: "1", statusText: "en camino" } }));
  } else if (name === "textOutput" && stages[body.contentId] === "SPECULATIVE") {
    found.spoken.push(body.content);
  } else if (name === "audioOutput") {
    if (found.audioBytes === 0) send(...textBlock("stop", "USER", "Esperá, pará", true));
    found.audioBytes += Buffer.from(body.content, "base64").length;
  } else if (name === "contentEnd" && body.stopReason === "INTERRUPTED") {
    found.interrupted = true;
    clearInterval(microphone);
    send(
      { contentEnd: { promptName, contentName: audioName } },
      { promptEnd: { promptName } },
      { sessionEnd: {} },
    );
    input.push(null);
  }
}
