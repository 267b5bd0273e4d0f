"""Run the instructions of a Dockerfile in folders of this machine, where no image can be built.

Each stage becomes a folder: `/app` of the image is `FOLDER/app`. Absolute paths in commands are translated,
`python` is the interpreter that the caller names, and everything else comes from this machine. What this
proves: COPY finds its files, the commands end well, and the files of the last stage are enough to run the
server. What it does not: the base image, and what of this machine it lacks.
"""

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

SYSTEM_FOLDERS = ("usr", "bin", "lib", "etc", "dev", "proc", "tmp")
"""Folders of the base image that commands use as they are on this machine."""
IGNORED = {"VOLUME", "EXPOSE", "STOPSIGNAL", "USER"}
"""Instructions that change no files. `check_image` looks at them itself."""


class DockerfileError(Exception):
    """The Dockerfile can't be run: an unknown instruction, a missing file, a failed command."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction with its arguments in one line."""

    name: str
    arguments: str


@dataclass(slots=True)
class Stage:
    """A stage, and what its instructions have made of it."""

    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)
    folder: Path = Path()
    workdir: str = "/"
    environ: dict[str, str] = field(default_factory=dict)

    def values(self, name: str) -> list[str]:
        """Return the arguments of all instructions of a name."""
        return [each.arguments for each in self.instructions if each.name == name]

    def path(self, inside: str) -> Path:
        """Return where a path of the image is on this machine."""
        absolute = inside if inside.startswith("/") else f"{self.workdir}/{inside}"
        return self.folder / absolute.lstrip("/")

    def translated(self, command: str) -> str:
        """Return a command with the image's absolute paths replaced by this machine's."""

        def replace(match: re.Match[str]) -> str:
            if match[1] in SYSTEM_FOLDERS:
                return match[0]
            return str(self.folder / match[0].lstrip("/"))

        return re.sub(r"(?<![\w./:-])/([a-z][\w-]*)[\w./-]*", replace, command)


def parse(text: str) -> dict[str, Stage]:
    """Return the stages by their names, in order."""
    stages: dict[str, Stage] = {}
    stage = None
    for line in _logical_lines(text):
        name, _, arguments = line.partition(" ")
        if name.upper() == "FROM":
            base, _, alias = arguments.partition(" AS ")
            stage = stages[alias or str(len(stages))] = Stage(alias, base.strip())
        elif stage is None:
            raise DockerfileError(f"{name} before the first FROM")
        else:
            stage.instructions.append(Instruction(name.upper(), arguments.strip()))
    return stages


def _logical_lines(text: str) -> list[str]:
    kept = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(kept))
    return [line.strip() for line in joined.splitlines() if line.strip()]


class Builder:
    """Builds the stages of one Dockerfile."""

    def __init__(self, context: Path, folder: Path, python: Path) -> None:
        self.stages = parse((context / "Dockerfile").read_text(encoding="utf-8"))
        self._context = context
        self._folder = folder
        self._ignore = DockerIgnore((context / ".dockerignore").read_text(encoding="utf-8"))
        self._bin = folder / "bin"
        self._bin.mkdir(parents=True)
        (self._bin / "python").symlink_to(python)
        self._built: set[str] = set()

    def build(self, name: str) -> Stage:
        """Run a stage's instructions, after those of the stages that it needs."""
        stage = self.stages[name]
        if name in self._built:
            return stage
        self._built.add(name)
        stage.folder = self._folder / name
        stage.folder.mkdir()
        if stage.base in self.stages:
            self._inherit(stage, self.build(stage.base))
        for instruction in stage.instructions:
            self._run(stage, instruction)
        return stage

    def environ(self, stage: Stage) -> dict[str, str]:
        """Return the environment of the stage's processes."""
        path = stage.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin")
        places = [self._place_of_path(stage, place) for place in path.split(":")]
        return {
            **stage.environ,
            "PATH": ":".join(places),
            "HOME": "/nonexistent",
            "LANG": "C.UTF-8",
        }

    def _place_of_path(self, stage: Stage, place: str) -> str:
        if place == "/usr/local/bin":  # where the base image has Python
            return str(self._bin)
        return str(stage.path(place)) if stage.path(place).is_dir() else place

    def _inherit(self, stage: Stage, base: Stage) -> None:
        shutil.copytree(base.folder, stage.folder, symlinks=True, dirs_exist_ok=True)
        stage.workdir, stage.environ = base.workdir, dict(base.environ)

    def _run(self, stage: Stage, instruction: Instruction) -> None:
        match instruction.name:
            case "WORKDIR":
                stage.workdir = instruction.arguments
                stage.path(".").mkdir(parents=True, exist_ok=True)
            case "ENV":
                pairs = (pair.partition("=") for pair in shlex.split(instruction.arguments))
                stage.environ |= {name: value for name, _, value in pairs}
            case "COPY":
                self._copy(stage, shlex.split(instruction.arguments))
            case "RUN":
                self._command(stage, instruction.arguments)
            case "CMD" | "HEALTHCHECK":
                exec_form(instruction.arguments)
            case _ if instruction.name in IGNORED:
                pass
            case _:
                raise DockerfileError(f"unknown instruction {instruction.name}")

    def _command(self, stage: Stage, command: str) -> None:
        environ = {**self.environ(stage), "HOME": str(self._folder), **_pip_settings()}
        translated = stage.translated(command)
        ended = subprocess.run(
            ["/bin/sh", "-c", translated],
            cwd=stage.path("."),
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise DockerfileError(f"RUN {command}\n{ended.stdout[-3000:]}")

    def _copy(self, stage: Stage, arguments: list[str]) -> None:
        options = [each for each in arguments if each.startswith("--")]
        *sources, target = (each for each in arguments if not each.startswith("--"))
        origin = next((o.partition("=")[2] for o in options if o.startswith("--from=")), None)
        for source in sources:
            if origin is not None:
                self._copy_from_stage(self.build(origin).path(source), stage.path(target))
            else:
                self._copy_from_context(source, stage, target)

    def _copy_from_stage(self, source: Path, target: Path) -> None:
        if not source.exists():
            raise DockerfileError(f"COPY: the stage has no {source}")
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)

    def _copy_from_context(self, source: str, stage: Stage, target: str) -> None:
        place = self._context / source
        files = (
            [place]
            if place.is_file()
            else sorted(each for each in place.rglob("*") if each.is_file())
        )
        sent = [
            each for each in files if not self._ignore.matches(str(each.relative_to(self._context)))
        ]
        if not sent:
            raise DockerfileError(f"COPY: {source} is missing, or .dockerignore leaves it out")
        for file in sent:
            inside = file.name if place.is_file() else file.relative_to(place)
            copy = stage.path(target) / inside
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy)


class DockerIgnore:
    """The patterns of a .dockerignore file; the last that matches a file decides."""

    def __init__(self, text: str) -> None:
        lines = [line.strip() for line in text.splitlines()]
        self._patterns = [line for line in lines if line and not line.startswith("#")]

    def matches(self, path: str) -> bool:
        """Whether a file of the context is left out."""
        is_ignored = False
        for pattern in self._patterns:
            if _matches(pattern.removeprefix("!"), path):
                is_ignored = not pattern.startswith("!")
        return is_ignored


def _matches(pattern: str, path: str) -> bool:
    """Whether a pattern names the file or a folder that holds it."""
    parts = path.split("/")
    prefixes = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    if pattern.startswith("**/"):
        return any(fnmatch.fnmatchcase(part, pattern[3:]) for part in parts)
    depth = pattern.count("/")
    return any(
        prefix.count("/") == depth and fnmatch.fnmatchcase(prefix, pattern) for prefix in prefixes
    )


def exec_form(arguments: str) -> list[str]:
    """Return the command of a CMD or HEALTHCHECK.

    Raises:
        DockerfileError: it is in shell form, so that a shell would receive the signals.

    """
    text = arguments[arguments.find("[") :] if "[" in arguments else ""
    try:
        command = json.loads(text)
    except ValueError:
        raise DockerfileError(f"no exec form: {arguments}") from None
    return [str(each) for each in command]


def _pip_settings() -> dict[str, str]:
    """Return where pip finds packages on this machine; an image build gets them the same way."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith("PIP_") or "proxy" in name.lower()
    }
