"""Calls tools that the rules do not know, from their declaration alone.

A tool is matched by the words of its name, description and parameters; its parameters are filled by the
grammars of `nlu`, chosen by type, format, name and description. Missing required parameters are asked for.
Spanish utterances match English declarations through a small dictionary.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nova_sonic_simulator.dialogue.nlu.dates import find_day
from nova_sonic_simulator.dialogue.nlu.emails import find_email
from nova_sonic_simulator.dialogue.nlu.names import find_person, respell_name
from nova_sonic_simulator.dialogue.nlu.numbers import joined_figures, with_figures
from nova_sonic_simulator.dialogue.nlu.times import find_time
from nova_sonic_simulator.dialogue.nlu.tokens import Kind, Token, fold, tokenize
from nova_sonic_simulator.dialogue.reply import ToolCall
from nova_sonic_simulator.dialogue.results import humanise
from nova_sonic_simulator.dialogue.setup import Language, ToolSpec

STEM_LETTERS = 5
SHORTEST_WORD = 3
LEAST_SCORE = 1.0

# Spanish and English words of common tools; the first of each group stands for all.
_SYNONYMS = (
    "weather clima tiempo pronostico forecast temperatura temperature",
    "time hora",
    "date fecha dia",
    "order pedido orden",
    "price precio costo cost cuanto",
    "book reservar reserva reservation agendar",
    "cancel cancelar anular",
    "search buscar busca find encontrar",
    "send enviar manda mandar",
    "message mensaje",
    "balance saldo",
    "account cuenta",
    "city ciudad",
    "flight vuelo",
    "hotel alojamiento",
    "restaurant restaurante",
    "customer cliente",
    "product producto",
    "light luz luces lights lamp lampara",
    "turn encender prender apagar prende apaga",
    "music musica cancion song play",
    "translate traducir traduce",
    "table mesa",
    "stock inventario inventory",
    "payment pago pagar pay",
    "appointment turno cita",
    "news noticias",
    "location ubicacion lugar place where donde",
    "route ruta camino directions",
)
_CANONICAL = {word: group.split()[0] for group in _SYNONYMS for word in group.split()}
_COMMON = frozenset(
    [
        "the",
        "and",
        "for",
        "with",
        "from",
        "this",
        "that",
        "una",
        "uno",
        "los",
        "las",
        "del",
        "con",
        "para",
        "por",
        "que",
        "mi",
        "tu",
        "su",
        "get",
        "set",
        "obtener",
        "usuario",
        "user",
        "data",
        "datos",
        "tool",
        "call",
        "when",
        "use",
        "used",
        "given",
        "name",
        "nombre",
        "tipo",
        "type",
        "valor",
        "value",
    ]
)
_YES = frozenset(["si", "dale", "claro", "yes", "yeah", "sure", "ok"])
_NO = frozenset(["no", "nope", "tampoco"])
_OFF = frozenset(["apaga", "apagar", "apagala", "apagalo", "off"])
_PLACE = re.compile(r"\b(?:en|in|de|from|to|a|hacia|para|for|at)\s+((?:[A-ZÁÉÍÓÚÑ][\w'.-]+\s?)+)")
_CAPITALISED = re.compile(r"(?<!^)(?<![.!?¿¡] )\b([A-ZÁÉÍÓÚÑ][\w'-]+(?:\s+[A-ZÁÉÍÓÚÑ][\w'-]+)*)")
_ASK = {"es": "¿Me decís {what}?", "en": "Could you tell me {what}?"}


@dataclass(slots=True, kw_only=True)
class SchemaTask:
    """A tool on its way to be called, with the arguments known so far."""

    tool: ToolSpec
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        """Return the required parameters without an argument."""
        required = self.tool.schema.get("required")
        names = required if isinstance(required, list) else []
        known = properties_of(self.tool)
        return [name for name in names if name in known and name not in self.arguments]

    def call(self) -> ToolCall:
        """Return the tool call."""
        return ToolCall(name=self.tool.name, arguments=dict(self.arguments))

    def question(self, language: Language) -> str:
        """Return the question for the first missing parameter."""
        name = self.missing[0]
        description = properties_of(self.tool)[name].get("description")
        what = humanise(name)
        if isinstance(description, str) and 0 < len(description) <= 80:
            what = description.strip().rstrip(".")
            what = what[0].lower() + what[1:]
        return _ASK[language].format(what=what)

    def fill(self, text: str, *, now: datetime, is_answer: bool, is_typed: bool = False) -> None:
        """Add the arguments found in `text`; with `is_answer`, it answers the last question."""
        wanted = self.missing[0] if is_answer and self.missing else None
        for name, schema in properties_of(self.tool).items():
            value = _argument(
                name, schema, _Utterance.of(text, now, is_typed=is_typed), is_wanted=name == wanted
            )
            if value is not None and (name not in self.arguments or name == wanted):
                self.arguments[name] = value


def properties_of(tool: ToolSpec) -> Mapping[str, Mapping[str, Any]]:
    """Return the schemas of a tool's parameters."""
    properties = tool.schema.get("properties")
    if not isinstance(properties, Mapping):
        return {}
    return {name: schema for name, schema in properties.items() if isinstance(schema, Mapping)}


def match_tool(text: str, tools: Sequence[ToolSpec]) -> ToolSpec | None:
    """Return the tool that the utterance asks for, if any."""
    said = set(_keywords(text))
    words = {tool.name: set(_declared_keywords(tool)) for tool in tools}
    scores = [
        (sum(1 / sum(stem in others for others in words.values()) for stem in said & own), tool)
        for tool in tools
        if (own := words[tool.name])
    ]
    score, best = max(scores, key=lambda pair: pair[0], default=(0.0, None))
    return best if score >= LEAST_SCORE else None


def _declared_keywords(tool: ToolSpec) -> Iterator[str]:
    yield from _keywords(humanise(tool.name))
    yield from _keywords(tool.description)
    for name, schema in properties_of(tool).items():
        yield from _keywords(humanise(name))
        for value in schema.get("enum") or ():
            yield from _keywords(str(value))


def _keywords(text: str) -> Iterator[str]:
    for word in re.findall(r"[^\W\d_]+", fold(text)):
        if len(word) >= SHORTEST_WORD and word not in _COMMON:
            canonical = _CANONICAL.get(word, word)
            yield canonical[:STEM_LETTERS]


# Arguments.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Utterance:
    text: str
    tokens: Sequence[Token]
    now: datetime
    is_typed: bool

    @classmethod
    def of(cls, text: str, now: datetime, *, is_typed: bool) -> "_Utterance":
        return cls(text=text, tokens=with_figures(tokenize(text)), now=now, is_typed=is_typed)

    @property
    def words(self) -> set[str]:
        return {token.plain for token in self.tokens if token.kind is Kind.WORD}


def _argument(
    name: str, schema: Mapping[str, Any], utterance: _Utterance, *, is_wanted: bool
) -> Any:
    allowed = schema.get("enum")
    if isinstance(allowed, list) and allowed:
        return _enumerated(allowed, utterance)
    match schema.get("type"):
        case "integer":
            number = _number(utterance)
            return None if number is None else int(number)
        case "number":
            return _number(utterance)
        case "boolean":
            return _boolean(name, utterance, is_wanted=is_wanted)
        case "array" | "object":
            return None
        case _:
            return _string(name, schema, utterance, is_wanted=is_wanted)


def _enumerated(allowed: Sequence[Any], utterance: _Utterance) -> Any:
    said = set(_keywords(utterance.text)) | utterance.words
    for value in allowed:
        keywords = list(_keywords(humanise(str(value))))
        if fold(str(value)) in said or (keywords and set(keywords) <= said):
            return value
    return None


def _number(utterance: _Utterance) -> float | None:
    for token in utterance.tokens:
        if token.kind in (Kind.NUMBER, Kind.DECIMAL):
            value = float(token.plain[:18])
            return int(value) if token.kind is Kind.NUMBER else value
    return None


def _boolean(name: str, utterance: _Utterance, *, is_wanted: bool) -> bool | None:
    if utterance.words & _OFF:
        return False
    if is_wanted and utterance.words & _NO:
        return False
    if is_wanted and utterance.words & _YES:
        return True
    is_switch = bool(utterance.words & {"prende", "encende", "prender", "encender", "on"})
    return True if is_switch and humanise(name) in ("on", "state", "enabled", "encendido") else None


def _string(
    name: str, schema: Mapping[str, Any], utterance: _Utterance, *, is_wanted: bool
) -> str | None:
    if is_wanted and utterance.words and utterance.words <= _YES | _NO:
        return None
    hint = fold(f"{humanise(name)} {schema.get('format') or ''} {schema.get('description') or ''}")
    for words, find in _FINDERS:
        if any(re.search(rf"\b{word}", hint) for word in words):
            found = find(utterance)
            return found if found is not None or not is_wanted else _whole(utterance)
    return _whole(utterance) if is_wanted or humanise(name) in _FREE_TEXT else None


_FREE_TEXT = frozenset(
    ["query", "question", "text", "message", "prompt", "request", "input", "consulta", "pregunta"]
)


def _whole(utterance: _Utterance) -> str | None:
    return utterance.text.strip().strip(".") or None


def _email(utterance: _Utterance) -> str | None:
    return find_email(utterance.text)[0]


def _moment(utterance: _Utterance) -> str | None:
    day, at = _date(utterance), _time(utterance)
    return f"{day}T{at}:00" if day and at else day


def _date(utterance: _Utterance) -> str | None:
    at, rest = find_time(utterance.tokens)
    del at
    day, _ = find_day(rest, utterance.now.date(), day_is_expected=True)
    return day.isoformat() if day else None


def _time(utterance: _Utterance) -> str | None:
    at, _ = find_time(utterance.tokens)
    return at.isoformat("minutes") if at else None


def _digits(utterance: _Utterance) -> str | None:
    for index in range(len(utterance.tokens)):
        figures, _ = joined_figures(utterance.tokens, index, at_most=20, group_at_most=20)
        if figures:
            return figures
    code = re.search(r"\b(?=\w*\d)[A-Za-z\d-]{3,}\b", utterance.text)
    return code[0] if code else None


def _person(utterance: _Utterance) -> str | None:
    name, _ = find_person(utterance.tokens, bare=False)
    return name if utterance.is_typed else respell_name(name)


def _place(utterance: _Utterance) -> str | None:
    found = _PLACE.search(utterance.text) or _CAPITALISED.search(utterance.text)
    return found[1].strip() if found else None


_FINDERS: Sequence[tuple[Sequence[str], Callable[[_Utterance], str | None]]] = (
    (("e mail", "email", "mail", "correo"), _email),
    (("date time", "datetime", "fecha y hora"), _moment),
    (("date", "day", "fecha", "dia"), _date),
    (("time", "hora"), _time),
    (("phone", "telefono", "celular", "dni", "number", "numero", "id", "code", "codigo"), _digits),
    (("city", "ciudad", "place", "lugar", "location", "ubicacion", "country", "pais"), _place),
    (("origin", "destination", "origen", "destino", "address", "direccion"), _place),
    (("person", "customer", "name", "nombre", "cliente", "persona"), _person),
)
