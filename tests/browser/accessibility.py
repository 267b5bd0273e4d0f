"""Runs axe-core in a page and returns what it finds."""

from pathlib import Path

import pytest
from playwright.async_api import Page

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async () => (await axe.run()).violations.map(
    violation => violation.id + ': ' + violation.nodes.slice(0, 3).map(node => node.html).join(' ')
)"""


SIZES = {"desktop": (1280, 800), "phone": (390, 844)}


async def find_violations(page: Page) -> list[str]:
    """Return the violations of axe's rules at desktop and phone width, with the first elements concerned."""
    if not AXE.exists():
        pytest.skip("axe-core is missing: npm ci")
    # Through the debugger, which the content security policy of the page doesn't concern.
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = []
    for name, (width, height) in SIZES.items():
        await page.set_viewport_size({"width": width, "height": height})
        found += [f"{name}: {violation}" for violation in await page.evaluate(RUN)]
        if await page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{name}: wider than the window")
    return found
