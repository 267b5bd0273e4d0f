"""Run the page's JavaScript tests under `node --test`, and its type check under `tsc`."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from voice import pcm
from voice.wire import binary

ROOT = Path(__file__).parents[2]
NODE = shutil.which("node")
COMPILER = ROOT / "node_modules" / ".bin" / "tsc"


pytestmark = pytest.mark.node


def run_node(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert NODE is not None
    return subprocess.run(
        [NODE, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=400
    )


@pytest.mark.parametrize("file", sorted(ROOT.glob("tests/web/*.test.js")), ids=lambda f: f.name)
def test_javascript_test_file_passes(file: Path) -> None:
    ran = run_node("--test", "--test-reporter=spec", str(file))
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    "config", ["tsconfig.json", "tsconfig.worker.json", "tsconfig.worklet.json"]
)
def test_javascript_types_check(config: str) -> None:
    if not COMPILER.exists():
        pytest.skip("NO TYPESCRIPT: the page's types are not checked. Install it: npm ci")
    ran = run_node(str(COMPILER), "-p", config)
    assert ran.returncode == 0, ran.stdout


COPIED = ROOT / "appointments" / "static" / "appointments" / "fullcalendar"
PACKAGES = {
    "index.global.min.js": "fullcalendar/index.global.min.js",
    "LICENSE.md": "fullcalendar/LICENSE.md",
    "es.global.min.js": "@fullcalendar/core/locales/es.global.min.js",
}
"""The files of the staff calendar that are copied from npm packages."""


def test_copied_files_are_those_of_the_locked_packages() -> None:
    assert {file.name for file in COPIED.iterdir()} == set(PACKAGES)
    modules = ROOT / "node_modules"
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for name in ("fullcalendar", "@fullcalendar/core"):
        installed = modules / name / "package.json"
        if not installed.exists():
            pytest.skip("NO FULLCALENDAR: the copied files are not compared. Install it: npm ci")
        version = json.loads(installed.read_text(encoding="utf-8"))["version"]
        assert version == lock[f"node_modules/{name}"]["version"]
    for copied, original in PACKAGES.items():
        # Git stores line feeds only, whatever the package has.
        expected = (modules / original).read_bytes().replace(b"\r\n", b"\n")
        assert (COPIED / copied).read_bytes().replace(b"\r\n", b"\n") == expected, copied


def test_wire_constants_of_page_and_server_agree() -> None:
    wire = (ROOT / "voice" / "web" / "static" / "voice" / "wire.js").as_uri()
    ran = run_node(
        "--input-type=module",
        "--eval",
        f"const {{ encodeFrame, ...wire }} = await import('{wire}');"
        "const frame = { type: 2, flags: 3, generation: 4, sequence: 5, position: 6, timeMs: 7 };"
        "const bytes = [...new Uint8Array(encodeFrame(frame))];"
        "console.log(JSON.stringify({ ...wire, bytes }))",
    )
    assert ran.returncode == 0, ran.stderr
    page = json.loads(ran.stdout)
    assert page["SUBPROTOCOL"] == binary.SUBPROTOCOL
    assert page["HEADER_BYTES"] == binary.HEADER.size
    assert page["MAX_PAYLOAD_BYTES"] == binary.MAX_PAYLOAD_BYTES
    assert page["INPUT_RATE_HZ"] in pcm.SAMPLE_RATES_HZ
    assert page["FrameType"] == {kind.name: kind.value for kind in binary.FrameType}
    assert page["FrameFlag"] == {flag.name: flag.value for flag in binary.Flag}
    assert bytes(page["bytes"]) == binary.HEADER.pack(2, 3, 4, 5, 6, 7)
