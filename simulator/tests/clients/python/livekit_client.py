"""LiveKit's Nova Sonic plugin holds a conversation: a tool call and an interruption, by coded speech."""

import redirect  # isort: skip -- before the SDK is used

import asyncio
import json

from coded import chunks, speech
from livekit import rtc
from livekit.agents import llm
from livekit.agents.llm import function_tool
from livekit.plugins.aws.experimental.realtime import RealtimeModel

del redirect
found = {"tool": None, "heard": [], "audio": 0, "interrupted": False, "spoke_over": False}
queue = asyncio.Queue()


@function_tool
async def look_up_order(order_id: str) -> str:
    """Look up an order."""
    return json.dumps({"status": "on its way"})


async def microphone(session):
    while True:
        pcm = bytes(1024) if queue.empty() else queue.get_nowait()
        session.push_audio(
            rtc.AudioFrame(data=pcm, sample_rate=16000, num_channels=1, samples_per_channel=512)
        )
        await asyncio.sleep(0.032)


async def follow(session, generation):
    async def messages():
        async for message in generation.message_stream:
            async for frame in message.audio_stream:
                found["audio"] += len(frame.data)
                if found["tool"] and not found["spoke_over"]:
                    found["spoke_over"] = True
                    for chunk in chunks(speech(18)):
                        queue.put_nowait(chunk)

    async def functions():
        async for call in generation.function_stream:
            found["tool"] = {"name": call.name, "arguments": json.loads(call.arguments)}
            output = llm.FunctionCallOutput(
                call_id=call.call_id,
                name=call.name,
                output=json.dumps({"status": "on its way", "carrier": "post"}),
                is_error=False,
            )
            context = session.chat_ctx.copy()
            context.items += [call, output]
            await session.update_chat_ctx(context)

    await asyncio.gather(messages(), functions())


async def main():
    model = RealtimeModel(model="amazon.nova-2-sonic-v1:0", voice="matthew", region="us-east-1")
    session = model.session()
    tasks = set()
    session.on(
        "generation_created",
        lambda generation: tasks.add(asyncio.create_task(follow(session, generation))),
    )
    await session.update_instructions("You are an assistant.")
    await session.update_tools([look_up_order])
    await session.update_chat_ctx(llm.ChatContext.empty())
    sending = asyncio.create_task(microphone(session))
    for chunk in chunks(speech(17)):
        queue.put_nowait(chunk)
    try:
        async with asyncio.timeout(40):
            while not found["interrupted"]:
                await asyncio.sleep(0.05)
                items = [item for item in session.chat_ctx.items if item.type == "message"]
                found["heard"] = [item.text_content for item in items if item.role == "user"]
                # The plugin marks a message only while it is generated; afterwards it goes on listening.
                found["interrupted"] = any(item.interrupted for item in items) or (
                    found["spoke_over"] and any("18" in text for text in found["heard"])
                )
    finally:
        sending.cancel()
        await session.aclose()
    print(json.dumps(found))


asyncio.run(main())
