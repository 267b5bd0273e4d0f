"""Run the system's Chromium under Playwright, with a sound file as microphone and no loudspeaker."""

import base64
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
from playwright.async_api import BrowserContext, Page, Playwright, async_playwright

from tests.browser.audio_signals import Samples

AUDIO_TAPS = Path(__file__).with_name("audio-taps.js")
SCREENSHOTS = Path(__file__).parents[2] / "var" / "screenshots"
FLAGS = [
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream",
    "--host-resolver-rules=MAP insecure.test 127.0.0.1",  # for a page that is no secure context
]


def find_chromium() -> str | None:
    """Return the path of a Chromium on this machine."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, names) if path), None)


def _flags(microphone: str | None, *, allow_microphone: bool) -> list[str]:
    flags = [*FLAGS, f"--use-fake-ui-for-media-stream{'' if allow_microphone else '=deny'}"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")  # as root, Chromium refuses to run with its sandbox
    if microphone is not None:
        flags.append(f"--use-file-for-fake-audio-capture={microphone}")
    return flags


async def _launch(playwright: Playwright, profile: str, flags: list[str]) -> BrowserContext:
    """Start a browser.

    Playwright's own headless flags select a mode without audio, and only a persistent context
    allows to replace them.
    """
    return await playwright.chromium.launch_persistent_context(
        profile,
        executable_path=find_chromium(),
        headless=False,
        args=flags,
        ignore_default_args=["--mute-audio", "--headless"],
        locale="es-AR",
        viewport={"width": 1280, "height": 800},
    )


@asynccontextmanager
async def run_chromium(
    microphone: Path | None = None, *, play_once: bool = False, allow_microphone: bool = True
) -> AsyncIterator[BrowserContext]:
    """Run a browser.

    Args:
        microphone: A WAV file that the microphone plays in a loop.
        play_once: Play the file once instead.
        allow_microphone: Whether the browser grants the page the microphone.

    """
    source = None if microphone is None else f"{microphone}{'%noloop' if play_once else ''}"
    flags = _flags(source, allow_microphone=allow_microphone)
    async with async_playwright() as playwright:
        with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            browser = await _launch(playwright, profile, flags)
            await browser.add_init_script(path=AUDIO_TAPS)
            try:
                yield browser
            finally:
                await browser.close()


async def get_recording(
    page: Page, tap: Literal["output", "input"] = "output"
) -> tuple[Samples, int]:
    """Return the audio of the loudspeaker or the microphone so far, and its rate in Hz."""
    text = await page.evaluate("tap => tests.recording(tap)", tap)
    rate_hz = await page.evaluate("tests.rateHz")
    return np.frombuffer(base64.b64decode(text), "<f4").astype(np.float64), int(rate_hz)


async def save_screenshot(page: Page, name: str) -> None:
    """Save a screenshot in `var/screenshots` for a person to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / f"{name}.png")
