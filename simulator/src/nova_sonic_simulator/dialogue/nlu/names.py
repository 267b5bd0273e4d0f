"""Finds names of people and doctors: "para Juan Pérez", "soy ana martínez", "la doctora Gómez".

There is no list of known people, so a name is what follows an announcing word and is not itself a word of
the domain. A capitalised name continues through capitalised words only ("para Juan Pérez gracias"); a
lower-case name continues to the first common word. "De" and "para" announce much else, so a lower-case
name after them needs two words.
"""

from collections.abc import Sequence

from nova_sonic_simulator.dialogue.nlu.first_names import FIRST_NAMES
from nova_sonic_simulator.dialogue.nlu.intents import is_verb
from nova_sonic_simulator.dialogue.nlu.surnames import spell_surname
from nova_sonic_simulator.dialogue.nlu.tokens import (
    Kind,
    Token,
    fold,
    matches,
    skip,
    without,
    word_at,
    words,
)

SURE_ANNOUNCERS = (
    "a nombre de",
    "me llamo",
    "mi nombre completo es",
    "mi nombre es",
    "nombre completo es",
    "nombre completo",
    "nombre es",
    "nombre de",
    "nombre",
    "soy",
    "te habla",
    "le habla",
    "habla",
    "hablas con",
    "de parte de",
    "apellido es",
    "apellido",
    "se llama",
    "paciente es",
    "paciente",
    "cliente",
)
LOOSE_ANNOUNCERS = ("para", "de")
COURTESY = words("senor senora senorita sr sra srta don dona el la")
TITLES = {"dr": "Dr.", "doctor": "Dr.", "dra": "Dra.", "doctora": "Dra."}
PARTICLES = words("de del la las los y")
CORRECTIONS = words("no digo perdon mejor sino quise")
BEFORE_CORRECTED = words("con a al el la para de decir")
MAX_WORDS = 5
SHORT_ANSWER = 2

# Words of the domain that may stand where a name could.
NOT_NAMES = frozenset(
    words(
        "a ademas agenda agendar ahi ahora al algo algun alguna alla anota anular aqui arroba asi "
        "averiguar baja bien bueno buenas buenos buscar cada cambia cambiar cambie cancela cancelar "
        "cancele chau cita citas claro clinica como completo con confirmar consulta consultar "
        "consulte control correo cosa coso cual cuando cuanto dale dame datos de decime del desde "
        "detalle detalles dia dias digo dni doctor doctora documento dr dra duda el ella ellos "
        "email emergencia en entrega entonces entrega envio era es esa ese eso esta estado este "
        "esto estoy exacto favor fecha fijate gracias ha hacer hay haceme hola hora horario hoy ir "
        "la las listo llamo lo los luego mail manana mas me medico mejor mi mio mia mis mostrame "
        "muy nada nadie necesito no nombre nos nro nueva nuevo numero o ok orden otra otro paciente "
        "pagar para pasado pedido pedidos pedir perdon perfecto pero pesos por porque prefiero "
        "precio primera primero producto productos pueda puede puedo que quiero quien quisiera "
        "reserva reservar rutina saber se sea segun segunda segundo seguimiento ser si sino sobre "
        "soy su sus tal tambien tarde tener tenes tengo tercera tercero todo total turno turnos tu "
        "confirmo confirmado confirmada joya mandale metele adelante doble aguanta persona maquina "
        "acuerdo alguien antes cualquier cualquiera despues disponible idea igual le les ni nunca "
        "posible recuerdo siempre te temprano "
        "aca ahi alli aun ayer bien bueno capaz casi che claro eh ehh em este hasta igual mal malo mira mire"
        " mismo misma mmm nose ojala onda pasa pasado pero pues quizas sabes saludos sale salio seguro"
        " sigue solo solamente todavia tranquilo tranqui vale vamos va vas veamos viste acuerdas acordas "
        "pará para esperá espera perdona lunes martes miercoles jueves viernes sabado domingo enero febrero"
        " marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre "
        "hello please english"
        "cierto decir disculpa disculpame equivoque equivocado error genial momento muchas muchisimas "
        "quise verdad "
        "un una unidad unidades urgencia usted ver vez viene vos voy y ya yo chequeo consultas"
    )
)


# A name, and the tokens with a gap in its place.
_Found = tuple[str | None, list[Token]]


def find_doctor(tokens: Sequence[Token], *, untitled: bool, bare: bool) -> _Found:
    """Return the doctor ("Dra. Gómez"), and the tokens with a gap in their place.

    Args:
        tokens: The utterance.
        untitled: Whether it is about booking, so that "con Gómez" names a doctor too.
        bare: Whether a doctor was asked for, so that a name alone is one.
    """
    if found := _titled_doctor(tokens):
        return found
    found = _announced(tokens, "con", least_if_small=1) if untitled else None
    return found or (_longest_name(tokens) if bare else (None, list(tokens)))


def _titled_doctor(tokens: Sequence[Token]) -> _Found | None:
    """Return the doctor with a title; after a correction it is the last one."""
    doctor, rest, index = None, list(tokens), 0
    while index < len(rest):
        token, end = rest[index], index
        if token.kind is Kind.WORD and token.plain in TITLES:
            name, end = _name_at(rest, skip(rest, index + 1, ()), least_if_small=1)
            if name and (doctor is None or _is_corrected(rest, index)):
                doctor = f"{TITLES[token.plain]} {name}"
                rest = without(rest, index, end)
        index += 1
    return None if doctor is None else (doctor, rest)


def _is_corrected(tokens: Sequence[Token], index: int) -> bool:
    """Return whether a correction stands right before `index`: "no, digo, con el doctor …"."""
    start = index - 1
    while word_at(tokens, start) in BEFORE_CORRECTED:
        start -= 1
    while start >= 0 and tokens[start].kind is Kind.PAUSE:
        start -= 1
    return word_at(tokens, start) in CORRECTIONS


def find_person(tokens: Sequence[Token], *, bare: bool) -> _Found:
    """Return the customer's or patient's name, and the tokens with a gap in its place.

    Args:
        tokens: The utterance.
        bare: Whether a name was asked for, so that a name alone is one.
    """
    for phrase in SURE_ANNOUNCERS:
        found = _announced(tokens, phrase, least_if_small=1)
        if found:
            return found
    if found := _unannounced(tokens):
        return found
    for phrase in LOOSE_ANNOUNCERS:
        found = _announced(tokens, phrase, least_if_small=2)
        if found:
            return found
    return _longest_name(tokens) if bare else (None, list(tokens))


def _unannounced(tokens: Sequence[Token]) -> _Found | None:
    """Return a full name that nothing announces: "quiero ver mi pedido 1, Juan Pérez".

    It begins with a common first name, or with a capital in mid-sentence, and has a surname.
    """
    for start in range(len(tokens)):
        is_first_name = word_at(tokens, start) in FIRST_NAMES
        is_capitalised = start > 0 and tokens[start].capitalised and _follows_pause(tokens, start)
        if not (is_first_name or is_capitalised):
            continue
        name, end = _name_at(tokens, start, least_if_small=2)
        if " " in name:
            return name, without(tokens, start, end)
    return None


def _follows_pause(tokens: Sequence[Token], index: int) -> bool:
    return tokens[index - 1].kind in (Kind.PAUSE, Kind.GAP, Kind.NUMBER)


def _announced(tokens: Sequence[Token], phrase: str, *, least_if_small: int) -> _Found | None:
    for index in range(len(tokens)):
        if matches(tokens, index, phrase):
            start = skip(tokens, index + len(phrase.split()), COURTESY)
            name, end = _name_at(tokens, start, least_if_small=least_if_small)
            if name:
                return name, without(tokens, index, end)
    return None


def _longest_name(tokens: Sequence[Token]) -> _Found:
    """Return the longest name; a single unknown word in small letters is none."""
    found = [
        (end - start, name, start, end)
        for start in range(len(tokens))
        for name, end in [_name_at(tokens, start, least_if_small=1)]
        if name and (end > start + 1 or _is_likely_name(tokens, start))
    ]
    if not found:
        return None, list(tokens)
    # The longest, and of equal ones the last: people say their name last.
    _length, name, start, end = max(found, key=lambda it: (it[0], it[2]))
    return name, without(tokens, start, end)


def _is_likely_name(tokens: Sequence[Token], index: int) -> bool:
    """Return whether one word is a name: capitalised, a common first name, or the whole answer."""
    said = [token for token in tokens if token.kind is Kind.WORD]
    return (
        tokens[index].capitalised
        or word_at(tokens, index) in FIRST_NAMES
        or len(said) <= SHORT_ANSWER
    )


def _name_at(tokens: Sequence[Token], start: int, *, least_if_small: int) -> tuple[str, int]:
    """Return the name that begins at `start`, or an empty string."""
    if not _may_name(tokens, start):
        return "", start
    capitals = tokens[start].capitalised
    end, count = start + 1, 1
    while count < MAX_WORDS:
        following = _after_particles(tokens, end) if capitals else end
        if not _may_name(tokens, following) or (capitals and not tokens[following].capitalised):
            break
        end, count = following + 1, count + 1
    if not capitals and count < least_if_small:
        return "", start
    return _spelled(tokens[start:end]), end


def _after_particles(tokens: Sequence[Token], index: int) -> int:
    """Skip "de los" inside a name: "María de los Ángeles"."""
    while word_at(tokens, index) in PARTICLES:
        index += 1
    return index


def _may_name(tokens: Sequence[Token], index: int) -> bool:
    word = word_at(tokens, index)
    return len(word) > 1 and word not in NOT_NAMES and not is_verb(word)


def _spelled(tokens: Sequence[Token]) -> str:
    written = (
        token.raw if token.capitalised or token.plain in PARTICLES else token.raw.capitalize()
        for token in tokens
    )
    return " ".join(written)


def respell_name(name: str | None) -> str | None:
    """Return a name that was heard with its surnames as they are commonly written."""
    if name is None:
        return None
    return " ".join(
        word if fold(word) in FIRST_NAMES or word in TITLES.values() else spell_surname(word)
        for word in name.split(" ")
    )
