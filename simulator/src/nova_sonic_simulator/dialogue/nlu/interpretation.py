"""Interprets one utterance: operation, subject, slots and dialogue acts.

The order of the grammars matters (see `tokens`): what is announced by a word of its own is found before
what only its position reveals.
"""

import unicodedata
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, auto

from nova_sonic_simulator.dialogue.nlu.asr_corrections import (
    correct_names,
    correct_quarter,
    correct_transcript,
    separate_hours,
)
from nova_sonic_simulator.dialogue.nlu.dates import find_day, names_no_day
from nova_sonic_simulator.dialogue.nlu.disfluencies import remove_disfluencies
from nova_sonic_simulator.dialogue.nlu.durations import find_duration
from nova_sonic_simulator.dialogue.nlu.emails import find_email
from nova_sonic_simulator.dialogue.nlu.identifiers import find_dni, find_number
from nova_sonic_simulator.dialogue.nlu.intents import (
    find_aspect,
    find_operation,
    find_subject,
    has_explicit_operation,
    negated_operations,
)
from nova_sonic_simulator.dialogue.nlu.items import Purchase, find_items, find_prices, find_total
from nova_sonic_simulator.dialogue.nlu.names import find_doctor, find_person, respell_name
from nova_sonic_simulator.dialogue.nlu.numbers import with_figures
from nova_sonic_simulator.dialogue.nlu.times import find_time
from nova_sonic_simulator.dialogue.nlu.tokens import (
    Kind,
    Token,
    contains,
    matches,
    tokenize,
    word_at,
    words,
)
from nova_sonic_simulator.dialogue.slots import Aspect, Operation, RequestedSlot, Slots, Subject

# Half a minute of speech is a hundred words; longer texts are cut here.
MAX_CHARACTERS = 2000
MAX_TOKENS = 250


class DialogueAct(Enum):
    """What an utterance does besides expressing an intent."""

    YES = auto()
    NO = auto()
    GREETING = auto()
    THANKS = auto()
    BYE = auto()
    HELP = auto()
    STOP = auto()
    #: "Esperá un segundo": the customer goes on later.
    WAIT = auto()
    #: "No sé", "dejame pensar".
    UNSURE = auto()
    #: "¿Por qué no?"
    WHY = auto()
    REPEAT = auto()
    #: "¿Qué otros horarios había?"
    OFFERS = auto()
    INSULT = auto()
    FOREIGN = auto()


DIALOGUE_ACT_PHRASES: dict[DialogueAct, tuple[str, ...]] = {
    DialogueAct.YES: (
        *words("si dale claro ok oka okey bueno perfecto exacto correcto esa ese obvio buenisimo"),
        *words(
            "joya mandale metele sip confirmo confirmado confirmalo confirmala adelante genial yes"
        ),
        *("de acuerdo", "por supuesto", "esta bien", "me sirve", "de una", "como no", "asi es"),
    ),
    DialogueAct.NO: ("no", "nada", "ninguna", "ninguno", "tampoco", "para nada"),
    DialogueAct.GREETING: ("hola", "buen dia", "buenos dias", "buenas", "que tal"),
    DialogueAct.THANKS: words("gracias agradezco"),
    DialogueAct.BYE: (
        *words("chau chao adios bye goodbye"),
        *("hasta luego", "nos vemos", "nada mas", "eso es todo", "eso seria todo", "hasta manana"),
    ),
    DialogueAct.HELP: (
        *words("ayuda ayudame opciones"),
        *("que podes hacer", "que puedes hacer", "como funciona", "que haces", "quien sos"),
        *("podes ayudar", "podrias ayudar", "puedes ayudar", "me ayudas"),
    ),
    DialogueAct.STOP: (
        *words("deja dejalo dejala olvidate olvidalo"),
        *("no importa", "no quiero nada", "nada nada", "mejor no"),
    ),
    DialogueAct.WAIT: (
        *words("espera espere esperame aguanta aguantame banca bancame"),
        *("un segundo", "un segundito", "un momento", "un momentito", "un minuto", "ya va"),
    ),
    DialogueAct.UNSURE: (
        *("no se", "ni idea", "no estoy segura", "no estoy seguro", "tengo que pensar"),
        *("dejame pensar", "dejame ver", "dejame que", "lo tengo que pensar", "capaz que si"),
    ),
    DialogueAct.WHY: ("por que", "como que no", "que motivo"),
    DialogueAct.REPEAT: (
        *words("repetis repetime repite repetir repetilo"),
        *("no te escuche", "no te oi", "no te entendi", "como dijiste", "que dijiste"),
    ),
    DialogueAct.OFFERS: (
        *(
            "que horarios",
            "cuales eran",
            "que otros",
            "que otras",
            "otras opciones",
            "que opciones",
        ),
        *("otro horario", "otros horarios", "cuales son", "que tenias", "que habia", "que habian"),
    ),
    DialogueAct.INSULT: words(
        "boludo boluda pelotudo pelotuda idiota imbecil estupido estupida mierda inutil inutiles carajo"
        " puta puto forro tarado tarada porqueria basura cagar cagada garcha chorro chorros"
    ),
    DialogueAct.FOREIGN: (
        *words("hello please english thanks goodbye bye yes"),
        *("good morning", "i want", "i would", "i need", "can you", "could you", "my order"),
        *("thank you", "what is", "do you", "how are you"),
    ),
}
NO_ANSWERS = (DialogueAct.STOP, DialogueAct.WAIT, DialogueAct.UNSURE, DialogueAct.INSULT)
"""In an utterance that does this, no word answers the question."""
ORDINALS = {
    **dict.fromkeys(words("primera primero primer"), 0),
    **dict.fromkeys(words("segunda segundo"), 1),
    **dict.fromkeys(words("tercera tercero tercer"), 2),
    **dict.fromkeys(words("ultima ultimo"), -1),
}
KINDS = {
    **dict.fromkeys(words("control seguimiento"), "follow-up"),
    **dict.fromkeys(words("urgencia urgente emergencia guardia"), "emergency"),
    **dict.fromkeys(words("rutina chequeo"), "routine"),
    "consulta": "consultation",
}
CORRECTIONS = words("no es era perdon digo mejor quise el la")
APPOINTMENT_STEMS = ("agend", "reserv", "reprogram", "reagend")
ORDER_STEMS = ("compr", "encarg")
OUTCOMES = words(
    "cancelado cancelada anulado anulada agendado agendada reservado reservada confirmado confirmada"
    " creado creada hecho hecha cambiado cambiada modificado modificada pedido registrado registrada"
)
SHORT_WORDS = 3
SAME = {
    "email": ("mismo correo", "mismo mail", "mismo email"),
    "doctor": ("mismo doctor", "misma doctora", "mismo medico", "misma medica"),
    "day": ("mismo dia",),
    "at": ("misma hora", "mismo horario"),
}
ENGLISH_WORDS = frozenset(
    words(
        "i want to cancel order my is do you speak the please english what bye thanks hi hello need would like"
    )
)
LEAST_ENGLISH_WORDS = 3
ASKED_OUTCOMES = (
    *("quedo listo", "quedo todo", "se hizo", "salio bien", "lo cancelaste"),
    *("quedo el turno", "quedo la cita", "quedo el pedido"),
)
CONDITIONS = (*words("pero salvo"), "antes decime", "primero decime", "siempre que", "solo si")
BEFORE_OUTCOMES = words("quedo quedaron esta fue salio ya")
BEYOND_TOOLS = (
    *words(
        "abren abre cierran cierra atienden direccion estacionamiento sucursal sucursales prepaga"
    ),
    *words(
        "plata reembolso reintegro garantia devolucion devoluciones cuotas descuento descuentos promocion"
    ),
    *("obra social", "donde queda", "donde quedan", "donde estan", "horario de atencion"),
    *("medios de pago", "formas de pago", "tarjeta de credito"),
)
PREFERENCES = (
    *words("mejor prefiero preferiria conviene convendria"),
    *("me queda", "me quedaria", "me viene", "me vendria", "me sirve", "me serviria"),
)
OTHER_PEOPLE = (
    *words(
        "mujer marido esposo esposa hijo hija mama papa madre padre hermano hermana abuelo abuela"
    ),
    *words("novio novia suegra suegro vecina vecino amigo amiga nene nena señora"),
    *("otra persona", "otro paciente", "otra paciente", "otro cliente"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpretation:
    """The interpretation of one utterance."""

    operation: Operation | None = None
    #: Whether a verb names the operation, not only "quiero" or "cuándo", which answers have too.
    operation_is_explicit: bool = False
    subject: Subject | None = None
    #: Whether the utterance names its subject rather than implying it.
    subject_is_named: bool = False
    aspect: Aspect | None = None
    slots: Slots = field(default_factory=Slots)
    acts: frozenset[DialogueAct] = frozenset()
    #: "La primera" is 0, "la última" -1.
    choice: int | None = None
    #: "Otro turno": not the one that is the topic.
    another: bool = False
    is_question: bool = False
    #: Operations that are explicitly not wanted.
    negated: frozenset[Operation] = frozenset()
    #: "¿Quedó cancelado?"
    asks_outcome: bool = False
    #: "Para mi hija": not for the person who was known so far.
    for_someone_else: bool = False
    #: Opening hours, address, insurance: no tool knows.
    is_beyond_tools: bool = False
    #: At most three words.
    is_short: bool = False
    #: Slots that are those of before: "con el mismo correo".
    same: frozenset[str] = frozenset()
    #: At least three words of English.
    is_english: bool = False
    #: "Sí, pero antes…": no plain yes.
    is_conditional: bool = False
    #: "El 31 de febrero".
    names_no_day: bool = False
    #: "A las 10 y 4" is a quarter past ten or four minutes past.
    time_is_doubtful: bool = False

    @property
    def is_for_another(self) -> bool:
        """Return whether it is about somebody or something else than what was spoken of."""
        return self.for_someone_else or self.another


def interpret(
    text: str,
    *,
    now: datetime,
    requested: frozenset[RequestedSlot] = frozenset(),
    is_typed: bool = False,
) -> Interpretation:
    """Interpret `text`; `requested` are the slots asked for, so that a bare answer is understood.

    Names in a typed text are as the customer writes them; a heard one may be misspelled.
    """
    text = unicodedata.normalize("NFC", text[:MAX_CHARACTERS])
    if not is_typed:
        text = correct_names(text)
    corrected = correct_transcript(text)
    meant_text = correct_quarter(corrected)
    email, rest = find_email(remove_disfluencies(meant_text))
    tokens = with_figures(tokenize(separate_hours(rest))[:MAX_TOKENS])
    operation, named = find_operation(tokens), find_subject(tokens)
    meant = named or _subject_of_verb(tokens, operation)
    slots = _Reading(tokens, operation=operation, subject=meant, requested=requested).read_slots(
        now, email
    )
    if not is_typed:
        slots = replace(slots, name=respell_name(slots.name), doctor=respell_name(slots.doctor))
    subject = meant or _suggested_subject(slots)
    if subject is not Subject.ORDER and RequestedSlot.ITEMS not in requested:
        slots = replace(slots, items=(), item_count=None)
    return Interpretation(
        operation=_meant_operation(operation, tokens, slots),
        operation_is_explicit=has_explicit_operation(tokens),
        subject=subject,
        subject_is_named=named is not None,
        aspect=find_aspect(tokens),
        slots=slots,
        acts=_dialogue_acts(tokens),
        choice=_choice(tokens),
        another=contains(tokens, "otro", "otra"),
        is_question=_is_question(tokens),
        negated=negated_operations(tokens),
        asks_outcome=_asks_outcome(tokens),
        for_someone_else=contains(tokens, *OTHER_PEOPLE),
        is_beyond_tools=contains(tokens, *BEYOND_TOOLS),
        is_short=sum(token.kind is Kind.WORD for token in tokens) <= SHORT_WORDS,
        same=frozenset(slot for slot, phrases in SAME.items() if contains(tokens, *phrases)),
        is_english=sum(token.plain in ENGLISH_WORDS for token in tokens) >= LEAST_ENGLISH_WORDS,
        is_conditional=contains(tokens, *CONDITIONS),
        names_no_day=slots.day is None and names_no_day(tokens),
        time_is_doubtful=slots.at is not None and meant_text != corrected,
    )


def is_correction(text: str) -> bool:
    """Return whether the text starts like a correction: "no, es…", "mejor…", "el dos"."""
    first = next(
        (token.plain for token in tokenize(remove_disfluencies(text)) if token.kind is Kind.WORD),
        "",
    )
    return first in CORRECTIONS


class _Reading:
    """One pass of the grammars over an utterance; each leaves gaps for the next."""

    def __init__(
        self,
        tokens: list[Token],
        *,
        operation: Operation | None,
        subject: Subject | None,
        requested: frozenset[RequestedSlot],
    ) -> None:
        self._tokens = tokens
        self._all = tokens
        self._needs = requested
        self._books = (
            operation in {Operation.CREATE, Operation.RESCHEDULE} and subject is not Subject.ORDER
        )
        self._orders = operation is Operation.CREATE and subject is not Subject.APPOINTMENT
        # A question, a new intent or a refusal is not a bare answer.
        is_other = any(contains(tokens, *DIALOGUE_ACT_PHRASES[act]) for act in NO_ANSWERS)
        self._bare = not (
            _is_question(tokens)
            or is_other
            or has_explicit_operation(tokens)
            or _is_pure_yes(tokens)
        )
        self._names_a_record = operation in {Operation.LOOK_UP, Operation.CANCEL}

    def read_slots(self, now: datetime, email: str | None) -> Slots:
        dni, self._tokens = find_dni(self._tokens)
        number, self._tokens = find_number(
            self._tokens,
            bare=self._requested(RequestedSlot.NUMBER),
            after_article=self._names_a_record,
        )
        duration, self._tokens = find_duration(self._tokens)
        at, self._tokens = find_time(
            self._tokens, hour_is_expected=self._requested(RequestedSlot.TIME, RequestedSlot.CHOICE)
        )
        day, self._tokens = find_day(
            self._tokens, now.date(), day_is_expected=self._requested(RequestedSlot.DAY)
        )
        total, self._tokens = find_total(self._tokens)
        doctor, name = self._read_names()
        purchase = self._read_purchase()
        return Slots(
            number=number,
            dni=dni,
            name=name,
            email=email,
            doctor=doctor,
            day=day,
            at=at,
            duration_min=duration,
            kind=_kind(self._all),
            items=purchase.items,
            item_count=purchase.item_count,
            prices=find_prices(self._tokens) if self._requested(RequestedSlot.PRICES) else (),
            total=total,
        )

    def _read_names(self) -> tuple[str | None, str | None]:
        doctor, self._tokens = find_doctor(
            self._tokens, untitled=self._books, bare=self._requested(RequestedSlot.DOCTOR)
        )
        name, self._tokens = find_person(
            self._tokens, bare=self._requested(RequestedSlot.NAME, RequestedSlot.IDENTITY)
        )
        return doctor, name

    def _read_purchase(self) -> Purchase:
        if self._orders or RequestedSlot.ITEMS in self._needs:
            is_yes = contains(self._all, *DIALOGUE_ACT_PHRASES[DialogueAct.YES])
            bare = self._requested(RequestedSlot.ITEMS) and not is_yes
            return find_items(self._tokens, bare=bare)
        return Purchase()

    def _requested(self, *requested: RequestedSlot) -> bool:
        return self._bare and not self._needs.isdisjoint(requested)


def _meant_operation(
    operation: Operation | None, tokens: list[Token], slots: Slots
) -> Operation | None:
    if _is_loose_create(operation, slots):
        return Operation.LOOK_UP
    # "Mi turno es el 7 y me vendría mejor el viernes": a new time for what exists.
    if (
        not has_explicit_operation(tokens)
        and slots.number is not None
        and (slots.day or slots.at)
        and contains(tokens, *PREFERENCES)
    ):
        return Operation.RESCHEDULE
    # "Programame la cita 7 para el miércoles": it has a number, so it exists.
    is_programmed = any(token.plain.startswith("program") for token in tokens)
    if operation is Operation.CREATE and is_programmed and slots.number is not None:
        return Operation.RESCHEDULE
    return operation


def _is_loose_create(operation: Operation | None, slots: Slots) -> bool:
    """Return whether this is "quiero el pedido 1": what has a number exists already."""
    is_new = slots.items or slots.doctor or slots.day or slots.at
    return operation is Operation.CREATE and slots.number is not None and not is_new


def _subject_of_verb(tokens: list[Token], operation: Operation | None) -> Subject | None:
    stems = any(token.plain.startswith(APPOINTMENT_STEMS) for token in tokens)
    if stems or operation is Operation.RESCHEDULE:
        return Subject.APPOINTMENT
    buys = contains(tokens, "pesos") or any(token.plain.startswith(ORDER_STEMS) for token in tokens)
    return Subject.ORDER if buys and operation is Operation.CREATE else None


def _suggested_subject(slots: Slots) -> Subject | None:
    if slots.doctor or slots.day or slots.at:
        return Subject.APPOINTMENT
    # "Quiero hablar con una persona" is not an order; something with a price is.
    has_price = any(item.price is not None for item in slots.items)
    return Subject.ORDER if slots.dni or has_price else None


def _is_pure_yes(tokens: list[Token]) -> bool:
    """Return whether this is nothing but "de una", "sí, dale": its "una" is no hour."""
    rest = list(tokens)
    for phrase in sorted(DIALOGUE_ACT_PHRASES[DialogueAct.YES], key=len, reverse=True):
        for index in range(len(rest)):
            if matches(rest, index, phrase):
                rest = [*rest[:index], *rest[index + len(phrase.split()) :]]
    return len(rest) < len(tokens) and all(
        token.kind is Kind.PAUSE or token.plain in {"y", "e"} for token in rest
    )


def _is_question(tokens: list[Token]) -> bool:
    return any("?" in token.plain or "¿" in token.plain for token in tokens)


def _asks_outcome(tokens: list[Token]) -> bool:
    """Return whether this is "¿quedó cancelado?", "¿ya está agendada?"."""
    for index, token in enumerate(tokens):
        if token.plain in BEFORE_OUTCOMES:
            following = {word_at(tokens, index + step) for step in (1, 2, 3)}
            if not following.isdisjoint(OUTCOMES):
                return True
    return contains(tokens, *ASKED_OUTCOMES)


def _dialogue_acts(tokens: list[Token]) -> frozenset[DialogueAct]:
    return frozenset(
        act for act, phrases in DIALOGUE_ACT_PHRASES.items() if contains(tokens, *phrases)
    )


def _choice(tokens: list[Token]) -> int | None:
    return next((ORDINALS[token.plain] for token in tokens if token.plain in ORDINALS), None)


def _kind(tokens: list[Token]) -> str | None:
    for index, token in enumerate(tokens):
        # "Consulta el turno" is a verb; "una consulta" is a type of appointment.
        is_verb = token.plain == "consulta" and not _has_article(tokens, index)
        if token.plain in KINDS and not is_verb:
            return KINDS[token.plain]
    return None


def _has_article(tokens: list[Token], index: int) -> bool:
    return index > 0 and any(
        matches(tokens, index - 1, f"{article} consulta") for article in ("una", "de", "para")
    )
