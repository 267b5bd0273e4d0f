"""pipecat's Nova Sonic service holds a conversation: a tool call and an interruption, by coded speech."""

import redirect  # isort: skip -- before the SDK is used

import asyncio
import json

from coded import chunks, speech
from pipecat.adapters.schemas.function_schema import FunctionSchema
from pipecat.adapters.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    InputAudioRawFrame,
    InterruptionFrame,
    LLMRunFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.aws.nova_sonic.llm import AWSNovaSonicLLMService
from pipecat.workers.runner import WorkerRunner

del redirect
found = {"tool": None, "heard": [], "audio": 0, "interrupted": False}
queue = asyncio.Queue()
is_over = asyncio.Event()
has_spoken_over = asyncio.Event()


class Watcher(FrameProcessor):
    """Notes what comes by, in both directions."""

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame):
            found["audio"] += len(frame.audio)
            if found["tool"] and not has_spoken_over.is_set():
                has_spoken_over.set()
                for chunk in chunks(speech(18)):
                    queue.put_nowait(chunk)
        if isinstance(frame, TranscriptionFrame):
            found["heard"].append(frame.text)
        if isinstance(frame, InterruptionFrame) and has_spoken_over.is_set():
            found["interrupted"] = True
            is_over.set()
        if has_spoken_over.is_set() and "18" in found["heard"]:
            found["interrupted"] = True
            is_over.set()
        await self.push_frame(frame, direction)


async def look_up_order(params):
    found["tool"] = {"name": params.function_name, "arguments": dict(params.arguments)}
    await params.result_callback({"status": "on its way", "carrier": "post"})


async def microphone(worker):
    for chunk in chunks(bytes(32000) + speech(17)):
        queue.put_nowait(chunk)
    while True:
        pcm = bytes(1024) if queue.empty() else queue.get_nowait()
        await worker.queue_frame(InputAudioRawFrame(audio=pcm, sample_rate=16000, num_channels=1))
        await asyncio.sleep(0.032)


async def main():
    schema = FunctionSchema(
        name="look_up_order",
        description="Look up an order",
        properties={"order_id": {"type": "string"}},
        required=["order_id"],
    )
    llm = AWSNovaSonicLLMService(
        access_key_id="local",
        secret_access_key="local",
        region="us-east-1",
        settings=AWSNovaSonicLLMService.Settings(
            voice="matthew", system_instruction="You are an assistant."
        ),
    )
    llm.register_function("look_up_order", look_up_order)
    context = LLMContext([], tools=ToolsSchema(standard_tools=[schema]))
    pair = LLMContextAggregatorPair(context, realtime_service_mode=True)
    pipeline = Pipeline([Watcher(), pair.user(), llm, Watcher(), pair.assistant()])
    worker = PipelineWorker(pipeline, cancel_on_idle_timeout=False)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await worker.queue_frame(LLMRunFrame())

    async def customer():
        sending = asyncio.create_task(microphone(worker))
        try:
            async with asyncio.timeout(40):
                await is_over.wait()
        finally:
            sending.cancel()
            await worker.cancel()

    await asyncio.gather(runner.run(), customer())
    print(json.dumps(found))


asyncio.run(main())
