"""Replies to greetings, thanks and other utterances without an intent."""

from collections.abc import Sequence

from nova_sonic_simulator.dialogue.nlu.interpretation import DialogueAct
from nova_sonic_simulator.dialogue.setup import PromptStyle

GREETING = "¡Hola! ¿En qué te puedo ayudar?"
INTRODUCTION = "¡Hola! Soy {who}. ¿En qué te puedo ayudar?"
THANKS = "¡De nada! Cualquier otra cosa, decime."
BYE = "¡Chau! Que tengas un buen día."
HELP = (
    "Puedo consultar, crear o cancelar un pedido, y consultar, agendar, cambiar o cancelar una"
    " cita. ¿Qué necesitás?"
)
LISTENING = "Decime, te escucho."
DONE = "Listo, ya está."
TASK_DROPPED = "Listo, lo dejamos ahí. ¿Necesitás algo más?"
ANYTHING_ELSE = "Perfecto. ¿Necesitás algo más?"
SORRY = "Entiendo que estés molesto."
NOTHING_ELSE = "Perfecto. Cualquier cosa, acá estoy."
NOTHING_CHANGED = "Perfecto, no hago ningún cambio. ¿Qué necesitás?"
NOT_UNDERSTOOD = "Disculpá, no te entendí."
NOT_UNDERSTOOD_THIS = "Disculpá, no entendí «{text}»."
STILL_RUNNING = "Todavía lo estoy haciendo, un momento."
NOT_YET = "Todavía no."
WAITING = "Dale, te espero."
NO_HURRY = "No hay apuro, avisame cuando lo decidas."
OTHER_PERSON = "Dale, que me hable."
STILL_THERE = "Acá estoy. ¿En qué te puedo ayudar?"
DROPPED = "No, no hice ningún cambio."
NO_SUCH_DAY = "Esa fecha no existe en el calendario."
NO_UNDOING = "Lo que se canceló no se puede volver a activar, pero podemos hacer uno nuevo."
LEAVE_MESSAGE = "¿Querés dejar un mensaje?"
FIGURES = "Te sigo. ¿Cómo termina el DNI?"
NOT_DONE = "No, no se pudo hacer."
PAST_DAY = "Esa fecha ya pasó."
PAST_TIME = "Ese horario ya pasó."
CALM = "Entiendo que estés molesto. ¿En qué te puedo ayudar?"
CALM_WHILE_ASKING = "Entiendo, vamos de a poco."
SPANISH_ONLY = "Perdón, sólo hablo español. ¿Es por un pedido o por una cita?"
SPANISH_ONLY_WHILE_ASKING = "Perdón, sólo hablo español."
WHAT_DO_YOU_NEED = "¿Es por un pedido o por una cita?"
NO_TOOL = "Disculpá, eso no lo puedo hacer en este momento."
OUT_OF_SCOPE = "Esa información no la tengo. Te puedo ayudar con pedidos y citas."
ORDERS_DO_NOT_CHANGE = "Un pedido hecho no se puede modificar, pero sí cancelar."

MOST_WORDS_REPEATED = 6
MOST_CHARACTERS_QUOTED = 40

# The most specific first: "no, gracias, chau" is a goodbye.
_ANSWERS = (
    (DialogueAct.INSULT, CALM),
    (DialogueAct.FOREIGN, SPANISH_ONLY),
    (DialogueAct.BYE, BYE),
    (DialogueAct.HELP, HELP),
    (DialogueAct.STOP, TASK_DROPPED),
    (DialogueAct.WAIT, WAITING),
    (DialogueAct.UNSURE, NO_HURRY),
    (DialogueAct.GREETING, GREETING),
    (DialogueAct.NO, NOTHING_ELSE),
    (DialogueAct.THANKS, THANKS),
    (DialogueAct.YES, LISTENING),
)


def small_talk_reply(acts: frozenset[DialogueAct], style: PromptStyle) -> str | None:
    """Return the reply to a greeting, thanks or the like, or None."""
    found = next((answer for act, answer in _ANSWERS if act in acts), None)
    if found is GREETING and style.introduction:
        return INTRODUCTION.format(who=style.introduction)
    return found


def patience(acts: frozenset[DialogueAct]) -> str | None:
    """Return what to say to an insult or a foreign language before a question is repeated."""
    if DialogueAct.INSULT in acts:
        return CALM_WHILE_ASKING
    return SPANISH_ONLY_WHILE_ASKING if DialogueAct.FOREIGN in acts else None


def not_understood(text: str) -> str:
    """Return the sentence for an utterance that was not understood; a short one is quoted."""
    quoted = text.strip().strip(".!?¡¿")
    if not quoted or len(quoted) > MOST_CHARACTERS_QUOTED:
        return NOT_UNDERSTOOD
    return NOT_UNDERSTOOD_THIS.format(text=quoted)


def describe_numbers(words: Sequence[str]) -> str:
    """Return the reply to numbers coded in the audio; a few are repeated one by one."""
    count = f"Escuché {len(words)} {'palabra' if len(words) == 1 else 'palabras'}"
    if len(words) > MOST_WORDS_REPEATED:
        return f"{count}, de {words[0]} a {words[-1]}."
    return f"{count}: {' '.join(words)}."
