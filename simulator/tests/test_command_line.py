"""The simulator as a process: how it starts, how it ends, what its options do."""

import asyncio
import json
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal

import pytest

from nova_sonic_simulator.cli import main
from nova_sonic_simulator.testing import RunningSimulator
from nova_sonic_simulator.testing.coded_audio import encode_numbers, silence
from support.events import audio_input, opening, typed
from support.processes import StartSimulator
from support.raw_client import RawClient

pytestmark = pytest.mark.wire

V1 = "/model/amazon.nova-sonic-v1%3A0/invoke-with-bidirectional-stream"


async def test_its_options_do_what_they_say(start_simulator: StartSimulator) -> None:
    keys = ["--access-key", "a", "--secret-key", "b", "--session-token", "c"]
    limits = ["--max-streams", "2", "--time-scale", "50", "--retired-models"]
    running = start_simulator(*keys, *limits)
    async with RawClient(running.url, running.ca_file) as client:
        first, second, third = [client.open(V1, keys=("a", "b"), token="c") for _ in range(3)]
        started = time.monotonic()
        assert (await third.refusal())[0] == 429
        for stream in (first, second):
            code, message = await stream.error_of_last_event()
            assert code == "validationException"
            assert message.startswith("InternalErrorCode=532::Timed out waiting for audio bytes")
        assert 1.0 < time.monotonic() - started < 50


async def test_coded_words_need_no_model_and_little_silence(
    start_simulator: StartSimulator,
) -> None:
    running = start_simulator("--hearing", "coded", "--time-scale", "10")
    assert running.hearing == "coded"
    pcm = encode_numbers([17, 18, 19]) + silence(175)
    async with RawClient(running.url, running.ca_file) as client:
        stream = client.open()
        pieces = [audio_input(pcm[at : at + 1000]) for at in range(0, len(pcm), 1000)]
        await stream.send(*opening(), *pieces)
        assert (await stream.until("textOutput", role="USER"))["content"] == "17 18 19"
        planned = await stream.until("textOutput", role="ASSISTANT")
        assert planned["content"] == "Escuché 3 palabras: 17 18 19."
        await stream.until("audioOutput")


class TestProcess:
    """How it starts and how it ends."""

    def start(
        self, folder: Path, *arguments: str, python: tuple[str, ...] = ()
    ) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            *python,
            "-m",
            "nova_sonic_simulator",
            "--certificates",
            str(folder),
        ]
        return subprocess.Popen(
            [*command, "--hearing", "text", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ended(self, process: subprocess.Popen[str]) -> tuple[int, str, str]:
        """Wait until the process has ended; it waits for no client."""
        return self.result(process)

    def result(self, process: subprocess.Popen[str]) -> tuple[int, str, str]:
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    @pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, "stdin"])
    def test_it_says_when_it_is_ready_and_ends_when_it_is_told(
        self, tmp_path: Path, how: signal.Signals | Literal["stdin"]
    ) -> None:
        process = self.start(tmp_path, "--port", "0", "--until-stdin-closes")
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        assert said["ready"] is True
        assert said["url"].startswith("https://127.0.0.1:")
        assert said["hearing"] == "text"
        assert said["speaking"] in ("voice", "tone")
        assert said["reason"]
        assert Path(said["ca_file"]) == tmp_path / "ca.pem"
        if how == "stdin":
            assert process.stdin is not None
            process.stdin.close()
            process.stdin = None
        else:
            process.send_signal(how)
        status, out, err = self.ended(process)
        assert (status, out) == (0, "")
        assert "Traceback" not in err

    def test_without_speech_it_starts_without_the_packages_of_recognition(
        self, tmp_path: Path
    ) -> None:
        process = self.start(tmp_path, "--port", "0", python=("-X", "importtime"))
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["ready"] is True
        process.terminate()
        status, _, imported = self.ended(process)
        assert status == 0
        packages = {line.split("|")[-1].strip() for line in imported.splitlines() if "|" in line}
        assert "nova_sonic_simulator.cli" in packages
        assert not packages & {"faster_whisper", "ctranslate2", "onnxruntime", "av"}

    async def test_it_ends_with_streams_open_and_says_goodbye(self, tmp_path: Path) -> None:
        process = self.start(tmp_path, "--port", "0")
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        async with RawClient(said["url"], Path(said["ca_file"])) as client:
            stream = client.open()
            await stream.send(*opening(), *typed("t1", "Hola"))
            await stream.until("audioOutput")
            process.terminate()
            await asyncio.wait_for(client.closed.wait(), 60)
            assert client.goodbye == 0
        status, _, err = self.ended(process)
        assert status == 0
        assert "Traceback" not in err

    def test_a_port_in_use_is_one_clear_sentence_and_status_2(
        self, tmp_path: Path, simulator: RunningSimulator
    ) -> None:
        status, out, err = self.result(self.start(tmp_path, "--port", str(simulator.port)))
        assert (status, out) == (2, "")
        assert err == f"Port {simulator.port} can't be used: Address already in use.\n"

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            *(("--port", port) for port in ("-1", "65536", "x")),
            *(("--max-streams", number) for number in ("0", "-1", "x")),
            *(("--time-zone", zone) for zone in ("Mars/Base", "/etc/passwd", "Europe")),
            ("--time-scale", "0"),
            ("--turn-silence-ms", "-1"),
            ("--brain", "ftp://localhost"),
            ("--hearing", "music"),
        ],
    )
    def test_a_wrong_option_is_refused_with_status_2(
        self, tmp_path: Path, option: str, value: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit, match="2"):
            main(["--certificates", str(tmp_path), option, value])
        *_, last = capsys.readouterr().err.splitlines()
        assert last.startswith(f"nova-sonic-simulator: error: argument {option}: ")

    @pytest.mark.parametrize("option", ["--certificates", "--record"])
    def test_a_folder_that_cannot_be_used_is_one_sentence_and_status_2(
        self, tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        taken = tmp_path / "file"
        taken.touch()
        folders = {"--certificates": str(tmp_path), option: str(taken / "folder")}
        arguments = [part for pair in folders.items() for part in pair]
        assert main(["--port", "0", *arguments]) == 2
        assert capsys.readouterr().err == f"Folder {taken}/folder can't be used: Not a directory.\n"

    def test_help_names_options_commands_and_exit_statuses(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit, match="0"):
            main(["--help"])
        described = capsys.readouterr().out
        for part in ("--certificates", "--hearing", "download-model", "load", "  130  "):
            assert part in described

    def test_it_listens_on_this_machine_alone(self, simulator: RunningSimulator) -> None:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", simulator.port), timeout=60)

    def test_the_key_is_for_its_owner_alone_and_the_certificate_is_kept(
        self, tmp_path: Path
    ) -> None:
        kept = []
        for _ in range(2):
            process = self.start(tmp_path, "--port", "0")
            assert process.stdout is not None
            process.stdout.readline()
            process.terminate()
            self.ended(process)
            kept.append([(tmp_path / name).read_bytes() for name in ("ca.pem", "key.pem")])
        assert kept[0] == kept[1]
        assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600

    def test_a_client_without_http2_is_sent_away(self, simulator: RunningSimulator) -> None:
        context = ssl.create_default_context(cafile=str(simulator.ca_file))
        with (
            socket.create_connection(("127.0.0.1", simulator.port), timeout=60) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            secure.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert secure.recv(100) == b""
