"""Strands Agents holds a conversation: a tool call and an interruption, by coded speech."""

import redirect  # isort: skip -- before the SDK is used

import asyncio
import json

from coded import chunks, speech
from strands import tool
from strands.bidi import BidiAgent
from strands.bidi.models import BedrockNovaSonicModel

del redirect
found = {"tool": None, "heard": [], "audio": 0, "interrupted": False}
waiting = asyncio.Event()


@tool
def look_up_order(order_id: str) -> str:
    """Look up an order.

    Args:
        order_id: The number of the order.
    """
    found["tool"] = {"name": "look_up_order", "arguments": {"order_id": order_id}}
    return json.dumps({"status": "on its way", "carrier": "post"})


async def microphone(agent, queue):
    while True:
        pcm = bytes(1024) if queue.empty() else queue.get_nowait()
        await agent.send({"audio_delta": {"format": "pcm", "source": {"bytes": pcm}}})
        await asyncio.sleep(0.032)


async def main():
    model = BedrockNovaSonicModel(model_id="amazon.nova-2-sonic-v1:0", voice="matthew")
    agent = BidiAgent(model=model, tools=[look_up_order], system_prompt="You are an assistant.")
    await agent.start()
    queue = asyncio.Queue()
    for chunk in chunks(speech(17)):
        queue.put_nowait(chunk)
    sending = asyncio.create_task(microphone(agent, queue))
    try:
        async with asyncio.timeout(40):
            async for event in agent.receive():
                kind = event.get("type", "")
                if kind == "bidi_audio_delta":
                    found["audio"] += len(event["audio"])
                    if found["audio"] and queue.empty() and found["tool"]:
                        for chunk in chunks(speech(18)):
                            queue.put_nowait(chunk)
                if "transcript" in kind and event.get("role") == "user":
                    found["heard"].append(str(event.get("text") or event.get("transcript") or ""))
                if kind == "bidi_barge_in":
                    found["interrupted"] = True
                    break
    finally:
        sending.cancel()
        await agent.stop()
    print(json.dumps(found))


asyncio.run(main())
