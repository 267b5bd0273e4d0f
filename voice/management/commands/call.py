"""`manage.py call`: call the assistant from the terminal, over the real WebSocket."""

import asyncio
import json
from argparse import Action, ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from voice.cli.script import run_script, save_speech
from voice.cli.turns import CallFailedError, CustomerInput, Recording, TurnResult, TypedText

TURN_TIMEOUT_S = 60.0


class _AddInput(Action):
    """Collects the values of `--text` and `--audio` in their order on the command line."""

    def __call__(
        self, _parser: ArgumentParser, namespace: Namespace, values: Any, _option: Any = None
    ) -> None:
        value = TypedText(values) if self.dest == "text" else Path(values)
        namespace.inputs = [*namespace.inputs, value]


class Command(BaseCommand):
    help = (
        "Calls the assistant from the terminal. Give lines in the order you say them: "
        'call --text "Hola" --audio samples/consulta-pedido-1.wav --save reply.wav. '
        "Exit status 0 only if every line got a spoken answer."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.set_defaults(inputs=[])
        parser.add_argument("--text", action=_AddInput, metavar="LINE", help="a line to type")
        parser.add_argument("--audio", action=_AddInput, metavar="WAV", help="a line to speak")
        parser.add_argument("--save", type=Path, metavar="WAV", help="write the answers here")
        parser.add_argument("--json", action="store_true", help="events and turns as JSON lines")
        parser.add_argument("--url", default=_default_url(), help="default: %(default)s")
        parser.add_argument("--timeout", type=float, default=TURN_TIMEOUT_S, metavar="S")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            inputs = [
                Recording.load(each) if isinstance(each, Path) else each
                for each in options["inputs"]
            ]
            if not inputs:
                raise CommandError('Say something: --text "…" or --audio file.wav')
            turns = asyncio.run(self._run_script(inputs, options))
            if options["save"]:
                save_speech(options["save"], turns)
                self.stderr.write(f"saved the answers to {options['save']}", ending="\n")
        except (CallFailedError, OSError) as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            raise CommandError("Hung up.", returncode=130) from None
        if not all(turn.is_answered for turn in turns):
            raise CommandError("Not every line got a spoken answer.")

    async def _run_script(
        self, inputs: list[CustomerInput], options: dict[str, Any]
    ) -> list[TurnResult]:
        as_json = options["json"]
        return await run_script(
            options["url"],
            inputs,
            timeout_s=options["timeout"],
            on_event=self._write_json if as_json else self._write_event,
            on_turn=self._write_turn_as_json if as_json else self._write_latency,
        )

    # --- Output

    def _write_json(self, event: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(event, ensure_ascii=False))
        self.stdout.flush()

    def _write_turn_as_json(self, turn: TurnResult) -> None:
        self._write_json(turn.as_dict())

    def _write_event(self, event: dict[str, Any]) -> None:
        text = _format_event(event)
        if text:
            self.stdout.write(text)
            self.stdout.flush()

    def _write_latency(self, turn: TurnResult) -> None:
        if turn.first_audio_ms is None:
            return
        latency = turn.server_latency or {}
        self.stdout.write(
            f"         answered after {turn.first_audio_ms:.0f} ms "
            f"(hearing {turn.hearing_ms:.0f}, model {latency.get('modelMs', 0):.0f}, "
            f"tools {latency.get('toolMs', 0):.0f}, "
            f"server {latency.get('serverMs', 0):.1f}); "
            f"{turn.as_dict()['speechMs'] / 1000:.1f} s of speech\n"
        )


def _format_event(event: dict[str, Any]) -> str | None:
    match event:
        case {"type": "ready", "callId": call_id, "voice": voice}:
            return f"call {call_id}, voice {voice}\n"
        case {"type": "caption", "role": "user", "text": text}:
            return f"you      {text}"
        case {"type": "caption", "stage": "planned", "text": text}:
            return f"{'carlos':8} {text}"
        case {"type": "tool", "phase": "finished", "name": name, "outcome": outcome}:
            return f"tool     {name}: {outcome}, {event['durationMs']} ms"
        case _:
            return None


def _default_url() -> str:
    return f"ws://{settings.LOCAL_ADDRESS}/ws"
