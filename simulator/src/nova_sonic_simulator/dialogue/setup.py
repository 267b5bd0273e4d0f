"""What a dialogue is opened with: the declared tools, and what the system prompt asks of its style."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

type Language = Literal["es", "en"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool as the client declared it; `schema` is the JSON schema of its arguments."""

    name: str
    description: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptStyle:
    """What the system prompt asks of every reply."""

    language: Language = "es"
    introduction: str | None = None
    """Who the assistant is, as the prompt puts it: "Carlos, el asistente virtual de Nova Sonic"."""
    end_marker: str | None = None
    """What every final reply has to end with, such as `[FINAL]`."""

    def finish(self, sentences: Sequence[str]) -> tuple[str, ...]:
        """Return the sentences of a final reply, with the end marker."""
        if self.end_marker is None or not sentences:
            return tuple(sentences)
        *first, last = sentences
        return (*first, f"{last} {self.end_marker}")

    def strip_marker(self, sentences: Sequence[str]) -> str:
        """Return the sentences as one text without the end marker."""
        text = " ".join(sentences).strip()
        return text.removesuffix(self.end_marker).strip() if self.end_marker else text


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogueSetup:
    """The tools and the system prompt of one prompt."""

    tools: tuple[ToolSpec, ...] = ()
    system_prompt: str = ""

    @property
    def style(self) -> PromptStyle:
        """Return the style that the system prompt asks for."""
        return read_style(self.system_prompt)


_MARKER = re.compile(
    r"(?:inclu[yi]\w*|termin\w+|agreg\w+|include|end|append|finish)[^.\n]{0,40}?(\[[A-Z_]{2,20}\])",
    re.IGNORECASE,
)
_INTRODUCTION = re.compile(
    r"\b(?:[Ee]res|[Ss]os|[Tt]e llamás|[Tt]u nombre es|[Yy]ou are|[Yy]our name is) "
    r"([A-ZÁÉÍÓÚÑ][^.\n]{1,160})[.\n]"
)
_REQUESTED_INTRODUCTION = re.compile(r"\b[Pp]res[eé]nt[aá]te como ([A-ZÁÉÍÓÚÑ][^.\n]{1,160})[.\n]")
_SPOKEN_ENGLISH = re.compile(r"\b(?:in|speaks?|only) English\b|\ben inglés\b", re.IGNORECASE)
_SPOKEN_SPANISH = re.compile(r"\b(?:in|speaks?|only) Spanish\b|\bespañol\b", re.IGNORECASE)
_ENGLISH_WORDS = re.compile(r"\b(?:the|you|are|and|with|your|is|of|to|be)\b", re.IGNORECASE)
_SPANISH_WORDS = re.compile(r"\b(?:el|la|los|que|de|un|una|con|es|para|sos|eres)\b", re.IGNORECASE)


def read_style(system_prompt: str) -> PromptStyle:
    """Return the language, the introduction and the end marker that a system prompt asks for."""
    marker = _MARKER.search(system_prompt)
    introduction = _REQUESTED_INTRODUCTION.search(system_prompt) or _INTRODUCTION.search(
        system_prompt
    )
    return PromptStyle(
        language=_language(system_prompt),
        introduction=introduction[1].strip() if introduction else None,
        end_marker=marker[1] if marker else None,
    )


def _language(prompt: str) -> Language:
    if _SPOKEN_SPANISH.search(prompt):
        return "es"
    if _SPOKEN_ENGLISH.search(prompt):
        return "en"
    english, spanish = (len(words.findall(prompt)) for words in (_ENGLISH_WORDS, _SPANISH_WORDS))
    return "en" if english > spanish else "es"
