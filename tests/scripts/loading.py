"""Loads scripts whose file names are no Python identifiers."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

SCRIPTS = Path(__file__).parents[2] / "scripts"


def load_script(name: str) -> ModuleType:
    """Return `scripts/NAME.py` as a module."""
    module_name = name.replace("-", "_").replace("/", "_")
    spec = importlib.util.spec_from_file_location(module_name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses look their module up
    folder = str(Path(spec.origin or "").parent)
    if folder not in sys.path:  # as when the script itself is run
        sys.path.append(folder)
    spec.loader.exec_module(module)
    return module
