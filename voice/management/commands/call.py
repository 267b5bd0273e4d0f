"""`manage.py call`: hold a conversation from the terminal, over the real WebSocket."""

import asyncio
import json
from argparse import Action, ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from voice.cli import conversation
from voice.cli.lines import CallFailedError, Line, Recording, Turn, Typed

TURN_TIMEOUT_S = 60.0


class _AddLine(Action):
    """Keeps typed and spoken lines in the order of the command line."""

    def __call__(
        self, _parser: ArgumentParser, namespace: Namespace, values: Any, _option: Any = None
    ) -> None:
        lines = getattr(namespace, "lines", None) or []
        line = Typed(values) if self.dest == "text" else Path(values)
        namespace.lines = [*lines, line]


class Command(BaseCommand):
    help = (
        "Calls the assistant from the terminal. Give lines in the order you say them: "
        'call --text "Hola" --audio samples/consulta-pedido-1.wav --save reply.wav. '
        "Exit status 0 only if every line got a spoken answer."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.set_defaults(lines=[])
        parser.add_argument("--text", action=_AddLine, metavar="LINE", help="a line to type")
        parser.add_argument("--audio", action=_AddLine, metavar="WAV", help="a line to speak")
        parser.add_argument("--save", type=Path, metavar="WAV", help="write the answers here")
        parser.add_argument("--json", action="store_true", help="events and turns as JSON lines")
        parser.add_argument("--url", default=_default_url(), help="default: %(default)s")
        parser.add_argument("--timeout", type=float, default=TURN_TIMEOUT_S, metavar="S")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            lines = [_load(line) for line in options["lines"]]
            if not lines:
                raise CommandError('Say something: --text "…" or --audio file.wav')
            turns = asyncio.run(self._hold(lines, options))
            if options["save"]:
                self._save(options["save"], turns)
        except (CallFailedError, OSError) as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            raise CommandError("Hung up.", returncode=130) from None
        if not all(turn.is_answered for turn in turns):
            raise CommandError("Not every line got a spoken answer.")

    async def _hold(self, lines: list[Line], options: dict[str, Any]) -> list[Turn]:
        as_json = options["json"]
        return await conversation.hold_conversation(
            options["url"],
            lines,
            timeout_s=options["timeout"],
            on_event=self._show_json if as_json else self._show,
            on_turn=(lambda turn: self._show_json(turn.as_dict()))
            if as_json
            else self._show_latency,
        )

    def _save(self, path: Path, turns: list[Turn]) -> None:
        conversation.save_recording(path, turns)
        self.stderr.write(f"saved the answers to {path}", ending="\n")

    # What the terminal shows

    def _show_json(self, event: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(event, ensure_ascii=False))
        self.stdout.flush()

    def _show(self, event: dict[str, Any]) -> None:
        line = _line(event)
        if line:
            self.stdout.write(line)
            self.stdout.flush()

    def _show_latency(self, turn: Turn) -> None:
        if turn.first_audio_ms is None:
            return
        split = turn.server or {}
        self.stdout.write(
            f"         answered after {turn.first_audio_ms:.0f} ms "
            f"(hearing {turn.hearing_ms:.0f}, model {split.get('modelMs', 0):.0f}, "
            f"tools {split.get('toolMs', 0):.0f}, "
            f"server {split.get('serverMs', 0):.1f}); "
            f"{turn.as_dict()['speechMs'] / 1000:.1f} s of speech\n"
        )


def _line(event: dict[str, Any]) -> str | None:
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


def _load(line: Line | Path) -> Line:
    return Recording.load(line) if isinstance(line, Path) else line


def _default_url() -> str:
    return f"ws://{settings.HOST}:{settings.WS_PORT}/ws"
