"""Finds the operation ("anulame" is cancelling), the subject ("turno") and the aspect asked for.

Verbs with only one meaning are explicit; the first of them decides. "Quiero", "cuándo" or "dame" are
implicit and count only without an explicit verb. Misspellings of speech recognition ("cansela", "torno")
count only where nothing is spelled right.
"""

from collections.abc import Iterator, Mapping, Sequence

from nova_sonic_simulator.dialogue.nlu.first_names import FIRST_NAMES
from nova_sonic_simulator.dialogue.nlu.tokens import (
    Kind,
    Token,
    contains,
    nearly,
    word_at,
    words,
)
from nova_sonic_simulator.dialogue.slots import Aspect, Operation, Subject

# Stems of verbs: any ending matches, as in "cancelá", "cancelame" and "cancelarlo".
EXPLICIT_STEMS: Mapping[Operation, tuple[str, ...]] = {
    Operation.RESCHEDULE: words(
        "modific reprogram reagend recalendar posterg pospon pospus adelant cambi traslad aplaz muev difier diferi"
    ),
    Operation.CANCEL: words(
        "cancel anul elimin borr suspend desestim desist descart invalid revoc desprogram desagend desanot"
    ),
    Operation.LOOK_UP: words(
        "consult averigu fijate mostr muestr revis verific busc cheque corrobor rastre"
    ),
    Operation.CREATE: words("agend reserv program crea cree coordin encarg compr"),
}
EXPLICIT_WORDS: Mapping[Operation, tuple[str, ...]] = {
    Operation.RESCHEDULE: words(
        "mover moveme movelo movela move pasamelo pasamela pasa pasame pasalo pasala pasarlo pasarla pasar"
        " correr correme correlo correla correrlo correrla corres corre correrme corran"
    ),
    Operation.CANCEL: words("baja debaja sacamelo sacamela sacalo sacala"),
    Operation.LOOK_UP: (),
    Operation.CREATE: words(
        "sacar sacame saca pedime poneme anotame notame anota genera generar arma armame armar"
    ),
}
IMPLICIT_PHRASES: Mapping[Operation, tuple[str, ...]] = {
    Operation.LOOK_UP: (
        *words("saber ver decime estado donde cuando llega detalle detalles informacion info"),
        *words("seguimiento cuanto vigente espero esperando demora tarda"),
        *("en pie", "en que quedo", "que novedades", "que noticias"),
        *("como esta", "como va", "como viene", "como sigue", "que paso", "que productos"),
        *("que tiene", "que incluye", "que hora", "que dia", "que doctor", "que doctora"),
        *("con quien", "que tipo", "tengo turno", "tengo una cita", "que fecha", "que onda"),
        *("tengo un turno", "para cuando", "ya salio", "me llego", "va a llegar", "por donde"),
        *("salio o no", "llego o no", "no llega", "no me llega", "no llego"),
    ),
    Operation.CANCEL: (
        "no puedo ir",
        "no voy a poder",
        "no voy a ir",
        "ya no lo quiero",
        "no quiero mas",
        "no voy a llegar",
        "se me complica",
        "sin efecto",
        "no lo quiero",
        "no la quiero",
    ),
    Operation.CREATE: (
        *words("quiero quisiera necesito dame dar pedir hacer haceme hagas nuevo nueva otro"),
        *("hace un pedido", "hace el pedido", "hace una reserva", "hace una cita"),
        *words("otra deme gustaria solicitar solicito pido mandame"),
        *("tenes turno", "tenes turnos", "hay turno", "hay turnos", "hay lugar"),
        *("tenes lugar", "tenes algo", "tendrias", "habra lugar", "me atienda", "que me vea"),
        *("habria lugar", "habria turno", "hay hueco", "hay disponibilidad", "queda lugar"),
    ),
}
DECISIVE_PHRASES: Mapping[Operation, tuple[str, ...]] = {
    Operation.CANCEL: ("saca el pedido", "saca mi pedido"),
    Operation.CREATE: ("buscame un lugar", "buscame lugar", "buscame un hueco", "buscame un turno"),
}
"""Phrases whose verb alone has another meaning."""
# "Necesito ver al doctor" asks for an appointment, though "ver" looks up elsewhere.
SEEING = words("ver visitar atenderme consultar hablar")
DOCTORS = words("doctor doctora medico medica dr dra especialista")
BEFORE_DOCTOR = words("al a con la el un una mi")
SUBJECT_WORDS: Mapping[Subject, tuple[str, ...]] = {
    Subject.ORDER: words(
        "pedido pedidos orden ordenes compra compras envio paquete encargo producto productos entrega"
    ),
    Subject.APPOINTMENT: words(
        "cita citas turno turnos sita zita reserva visita doctor doctora dr dra medico medica"
    ),
}
ASPECT_PHRASES: Mapping[Aspect, tuple[str, ...]] = {
    Aspect.DETAILS: (
        *words("detalle detalles detallame productos incluye contiene trae"),
        *("que pedi", "que compre", "que tiene", "que doctor", "que doctora", "con quien"),
        *("quien me atiende", "que tipo", "que medico", "que medica", "que tipo de"),
    ),
    Aspect.TOTAL: (
        *("cuanto sale", "cuanto cuesta", "cuanto es", "total", "precio", "cuanto pague"),
        *("cuanto salia", "cuanto era", "cuanto costaba", "cuanto me salio"),
    ),
    Aspect.TRACKING: words("seguimiento tracking rastreo rastrear"),
    Aspect.DURATION: ("cuanto dura", "duracion"),
    Aspect.STATUS: ("estado", "como esta", "como va", "cuando llega", "cuando es", "que hora"),
}
# After these words, "consulta" and "compra" are nouns.
ARTICLES = words("una la mi otra esa esta de tu su")
NOUNS_LIKE_VERBS = words("consulta compra reserva programa")
# "Me salió un compromiso" buys nothing.
NOUNS = words("compromiso compromisos")
FUZZY_FROM_LETTERS = 5
# Common words that are one letter away from a verb.
NO_MISSPELLINGS = words("tambien correo correos cambio")
# "Pasame el estado" asks for a fact; "pasame el turno" moves it.
FACTS = words(
    "numero estado detalle detalles dato datos info informacion codigo total precio seguimiento"
)
# Words between "no" and the verb that it negates.
AFTER_NO = words(
    "me te lo la los las se nos quiero quise queria quieras vayas voy vas a hace falta tenes que"
    " tengo necesito necesitas hay vas vayan pido pedi dije"
)
MAX_AFTER_NO = 6
# "Cancelado" and "agendada" describe; they are not commands.
PARTICIPLES = ("ado", "ada", "ados", "adas")


def find_operation(tokens: Sequence[Token]) -> Operation | None:
    """Return the operation asked for, if any; a negated one does not count."""
    if _wants_to_see_a_doctor(tokens) and not has_explicit_operation(tokens):
        return Operation.CREATE
    for operation, phrases in DECISIVE_PHRASES.items():
        if contains(tokens, *phrases) and operation not in negated_operations(tokens):
            return operation
    return (
        next(_explicit_operations(tokens), None)
        or _implicit_operation(tokens)
        or next(_explicit_operations(tokens, misspelled=True), None)
    )


def has_explicit_operation(tokens: Sequence[Token]) -> bool:
    """Return whether a verb names the operation, so that it is not part of an answer."""
    return next(_explicit_operations(tokens), None) is not None


def _wants_to_see_a_doctor(tokens: Sequence[Token]) -> bool:
    for index, token in enumerate(tokens):
        if token.plain in DOCTORS:
            start = index - 1
            while start > index - 3 and word_at(tokens, start) in BEFORE_DOCTOR:
                start -= 1
            if start < index - 1 and word_at(tokens, start) in SEEING:
                return True
    return False


def negated_operations(tokens: Sequence[Token]) -> frozenset[Operation]:
    """Return the operations that are explicitly not wanted: "no canceles el pedido"."""
    found = (
        _operation_of(token.plain)
        for index, token in enumerate(tokens)
        if token.kind is Kind.WORD and _is_negated(tokens, index)
    )
    return frozenset(operation for operation in found if operation is not None)


def is_verb(word: str) -> bool:
    """Return whether `word` names an operation, so that it is not a name."""
    return _operation_of(word) is not None


def _explicit_operations(
    tokens: Sequence[Token], *, misspelled: bool = False
) -> Iterator[Operation]:
    for index, token in enumerate(tokens):
        if token.kind is not Kind.WORD or _is_noun(tokens, index) or _is_negated(tokens, index):
            continue
        if token.plain.startswith("pasa") and word_at(tokens, index + 2) in FACTS:
            continue
        if token.plain == "consultar" and word_at(tokens, index + 1) == "con":
            continue
        if misspelled and (token.plain in NO_MISSPELLINGS or _is_name(tokens, index)):
            continue
        operation = _misspelled_operation(token.plain) if misspelled else _operation_of(token.plain)
        if operation:
            yield operation


def _is_name(tokens: Sequence[Token], index: int) -> bool:
    """Return whether the word is a name: "Camila" is no misspelled "cambia"."""
    in_mid_sentence = index > 0 and tokens[index - 1].kind is Kind.WORD
    return word_at(tokens, index) in FIRST_NAMES or (tokens[index].capitalised and in_mid_sentence)


def _is_noun(tokens: Sequence[Token], index: int) -> bool:
    is_either = word_at(tokens, index) in NOUNS_LIKE_VERBS
    return word_at(tokens, index) in NOUNS or (is_either and word_at(tokens, index - 1) in ARTICLES)


def _is_negated(tokens: Sequence[Token], index: int) -> bool:
    """Return whether the verb at `index` follows "no", with nothing but auxiliaries between."""
    start = index - 1
    while word_at(tokens, start) in AFTER_NO and index - start <= MAX_AFTER_NO:
        start -= 1
    return word_at(tokens, start) in ("no", "ni", "sin", "nunca")


def _operation_of(word: str) -> Operation | None:
    if word.endswith(PARTICIPLES):
        return None
    for operation, stems in EXPLICIT_STEMS.items():
        if word.startswith(stems) or word in EXPLICIT_WORDS[operation]:
            return operation
    return None


def _misspelled_operation(word: str) -> Operation | None:
    if word.endswith(PARTICIPLES):
        return None
    for operation, stems in EXPLICIT_STEMS.items():
        if any(_sounds_like(word, stem) for stem in stems if len(stem) >= FUZZY_FROM_LETTERS):
            return operation
        exact = EXPLICIT_WORDS[operation]
        if any(nearly(word, each) for each in exact if len(each) > FUZZY_FROM_LETTERS):
            return operation
    return None


def _sounds_like(word: str, stem: str) -> bool:
    """Return whether `word` begins with `stem`, one letter aside; `b` and `v` sound alike."""
    word, stem = word.replace("b", "v"), stem.replace("b", "v")
    return any(nearly(word[: len(stem) + longer], stem) for longer in (-1, 0, 1))


def _implicit_operation(tokens: Sequence[Token]) -> Operation | None:
    for operation, phrases in IMPLICIT_PHRASES.items():
        if operation is Operation.CREATE and negated_operations(tokens):
            continue
        if contains(tokens, *phrases):
            return operation
    return None


def find_subject(tokens: Sequence[Token]) -> Subject | None:
    """Return the subject of the sentence, if a word names it."""
    return _named_subject(tokens) or _misspelled_subject(tokens)


def _named_subject(tokens: Sequence[Token]) -> Subject | None:
    for token in tokens:
        for subject, names in SUBJECT_WORDS.items():
            if token.kind is Kind.WORD and token.plain in names:
                return subject
    # "Una consulta" may also be a question about an order, so it counts last.
    nouns = (n for n, token in enumerate(tokens) if token.plain == "consulta")
    return Subject.APPOINTMENT if any(_is_noun(tokens, n) for n in nouns) else None


def _misspelled_subject(tokens: Sequence[Token]) -> Subject | None:
    for token in tokens:
        for subject, noun in ((Subject.ORDER, "pedido"), (Subject.APPOINTMENT, "turno")):
            if token.kind is Kind.WORD and nearly(token.plain, noun):
                return subject
    return None


def find_aspect(tokens: Sequence[Token]) -> Aspect | None:
    """Return the aspect asked for, if a word names it."""
    for aspect, phrases in ASPECT_PHRASES.items():
        if contains(tokens, *phrases):
            return aspect
    return None
