#!/usr/bin/env python3
"""Check the prompts, the directives and the tools' descriptions by AWS's rules for Nova 2.5 Sonic.

Usage: scripts/check-prompts.py [PROMPTS [TOOLS]]

PROMPTS is the folder of the prompts, TOOLS that of the voice tools. The numbers in the messages are those
of the rules in "Nova Sonic 2.5 Prompt Engineering" (aws-samples/amazon-nova-samples,
speech-to-speech/amazon-nova-2.5-sonic, version 1.0). The owner's prompt for the earlier models is only
checked for what breaks any of them: empty brackets, thinking tags and phrases that override.
"""

import ast
import re
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

MAX_PROMPT_LENGTH = 3000
MAX_DIRECTIVE_LENGTH = 200
MAX_DESCRIPTION_LENGTH = 120
PLACEHOLDERS = frozenset(
    [
        *("name", "article", "business", "today", "time", "dates", "example_date"),
        *("doctors", "prices", "opening_hours", "address", "phone", "contact", "person"),
        *("emergency", "notes"),
    ]
)
DIRECTIVE_PLACEHOLDERS = frozenset(["name", "article", "business", "tool", "result"])

HEADER = re.compile(r"[A-ZÁÉÍÓÚÑ][A-ZÁÉÍÓÚÑ ]+:")
BULLET = re.compile(r"- \S")
PLACEHOLDER = re.compile(r"\{(\w+)\}")
NEGATION = re.compile(
    r"\b(no|nunca|jamás|tampoco|evit\w+|prohibid\w+|do not|never|avoid)\b", re.IGNORECASE
)
OVERRIDE = re.compile(
    r"\b(ignor[aáeo]\w*|olvid[aáeo]\w*|descart[aáeo]\w*|ignore|forget|disregard)\b[^.\n]*\b(instruc\w+|anterior\w*)"
    r"|siempre (debés|tenés que)|you must always",
    re.IGNORECASE,
)
IMITATION = re.compile(
    r"\b(imit\w+|clon[aáeo]\w*|mimic\w*|sound like|son[aá] como (un|una|el|la))\b", re.IGNORECASE
)
EMPTY_BRACKETS = re.compile(r"\[\s*\]|\{\s*\}|\(\s*\)|<\s*>")
THINKING = re.compile(r"</?(thinking|thought|pensamiento)\b", re.IGNORECASE)
SPEECH = re.compile(r"\b(decí|decile|avis[aá]\w*|contale|respond[eé]\w*|say|tell)\b", re.IGNORECASE)
DIRECTIVE = re.compile(r"^## (\w+)\n(.+)$", re.MULTILINE)
IMPERATIVE = re.compile(r"\[\w+(?:[áéí]|[aeiáéí](?:me|te|se|le|les|lo|la|los|las)+) ")


def problems_of_any(text: str) -> Iterator[str]:
    """Yield what breaks a prompt of any family."""
    for rule, pattern in (
        ("8: overrides instructions", OVERRIDE),
        ("22: thinking tag", THINKING),
        ("24: empty brackets", EMPTY_BRACKETS),
    ):
        for match in pattern.finditer(text):
            yield f"rule {rule}: {match[0]}"


def problems_of_placeholders(text: str) -> Iterator[str]:
    """Yield the placeholders of a prompt that nothing fills."""
    for name in set(PLACEHOLDER.findall(text)) - PLACEHOLDERS:
        yield f"rule 24: nothing fills {{{name}}}"


def problems_of_prompt(text: str) -> Iterator[str]:
    """Yield what a prompt for Nova 2.5 breaks."""
    yield from problems_of_any(text)
    if len(text) > MAX_PROMPT_LENGTH:
        yield f"rule 6: longer than {MAX_PROMPT_LENGTH} characters"
    lines = [line for line in text.splitlines() if line.strip()]
    for line in lines:
        yield from _problems_of_line(line, count=lines.count(line))
    sections = text.split("\n\n")
    checks = sections[-1].strip().splitlines()
    if not checks[0].startswith("CONTROL") or not 3 <= len(checks) - 1 <= 5:
        yield "rule 3: ends without a section CONTROL … of three to five checks"
    yield from problems_of_placeholders(text)
    if "{dates}" not in text:
        yield "rule 31: no table of dates"


def _problems_of_line(line: str, *, count: int) -> Iterator[str]:
    if not HEADER.fullmatch(line) and not BULLET.match(line):
        yield f"rules 1 and 2: neither a header in capitals nor a bullet: {line}"
    if NEGATION.search(line):
        yield f"rule 9: says what not to do: {line}"
    if IMITATION.search(line):
        yield f"rule 9a: imitates somebody: {line}"
    if count > 1:
        yield f"rule 4: stands twice: {line}"


def problems_of_directives(text: str) -> Iterator[str]:
    """Yield what the directives break: each one is a short imperative in square brackets."""
    yield from problems_of_any(text)
    for name, body in DIRECTIVE.findall(text):
        if not (body.startswith("[") and body.endswith("]")):
            yield f"{name}: not in square brackets"
        if not IMPERATIVE.match(body):
            yield f"{name}: appendix: begins without an imperative: {body}"
        if len(body) > MAX_DIRECTIVE_LENGTH:
            yield f"{name}: longer than {MAX_DIRECTIVE_LENGTH} characters"
        for placeholder in set(PLACEHOLDER.findall(body)) - DIRECTIVE_PLACEHOLDERS:
            yield f"{name}: nothing fills {{{placeholder}}}"


def descriptions(source: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the description of each voice tool of a module, then of its parameters."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.AsyncFunctionDef):
            yield node.name, (ast.get_docstring(node) or "").partition("\n")[0]
        match node:
            case ast.keyword(arg="description", value=ast.Constant(value=str(text))):
                yield "parameter", text
            case _:
                pass


def problems_of_tools(source: str, prompt: str) -> Iterator[str]:
    """Yield what the descriptions of a module's voice tools break."""
    for name, description in descriptions(source):
        yield from (f"{name}: {problem}" for problem in problems_of_any(description))
        if len(description) > MAX_DESCRIPTION_LENGTH:
            yield f"{name}: rule 13: longer than {MAX_DESCRIPTION_LENGTH} characters"
        if NEGATION.search(description):
            yield f"{name}: rule 13: a restriction: {description}"
        if SPEECH.search(description):
            yield f"{name}: rule 13: tells what to say: {description}"
        if f"- {description}" in prompt.splitlines():
            yield f"{name}: rule 4: stands in the prompt, too: {description}"


def check(prompts: Path, tools: Path) -> Iterator[str]:
    """Yield all problems, each with its file."""
    instructions = ""
    for file in sorted(prompts.glob("*.md")):
        text = file.read_text(encoding="utf-8")
        if file.name.endswith(".directives.md"):
            found = problems_of_directives(text)
        elif "nova-2-5" in file.name:
            found, instructions = problems_of_prompt(text), instructions + text
        else:
            found = chain(problems_of_any(text), problems_of_placeholders(text))
        yield from (f"{file}: {problem}" for problem in found)
    for file in sorted(tools.glob("*.py")):
        source = file.read_text(encoding="utf-8")
        for problem in problems_of_tools(source, instructions):
            yield f"{file}: {problem}"


def main(arguments: list[str]) -> int:
    """Check the files; print the problems; return the exit status."""
    defaults = ("voice/prompts", "voice/tools")
    prompts, tools = map(Path, (*arguments, *defaults[len(arguments) :]))
    problems = list(check(prompts, tools))
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
