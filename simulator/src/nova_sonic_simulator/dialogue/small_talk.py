"""Replies to greetings, thanks and other utterances without an intent."""

from collections.abc import Sequence

from nova_sonic_simulator.dialogue.nlu.interpretation import DialogueAct

GREETING = "¡Hola! Soy Carlos, el asistente virtual de Nova Sonic. ¿En qué te puedo ayudar?"
THANKS = "¡De nada! Cualquier otra cosa, decime."
BYE = "¡Chau! Que tengas un buen día."
HELP = (
    "Puedo consultar, crear o cancelar un pedido, y consultar, agendar, cambiar o cancelar una"
    " cita. ¿Qué necesitás?"
)
LISTENING = "Decime, te escucho."
DONE = "Listo, ya está."
TASK_DROPPED = "Listo, lo dejamos ahí. ¿Necesitás algo más?"
NOTHING_ELSE = "Perfecto. Cualquier cosa, acá estoy."
NOT_UNDERSTOOD = "Disculpá, no te entendí."
WHAT_DO_YOU_NEED = "¿Es por un pedido o por una cita?"
NO_TOOL = "Disculpá, eso no lo puedo hacer en este momento."
OUT_OF_SCOPE = "Esa información no la tengo. Te puedo ayudar con pedidos y citas."
ORDERS_DO_NOT_CHANGE = "Un pedido hecho no se puede modificar, pero sí cancelar."

MOST_WORDS_REPEATED = 6

# The most specific first: "no, gracias, chau" is a goodbye.
_ANSWERS = (
    (DialogueAct.BYE, BYE),
    (DialogueAct.HELP, HELP),
    (DialogueAct.STOP, TASK_DROPPED),
    (DialogueAct.GREETING, GREETING),
    (DialogueAct.NO, NOTHING_ELSE),
    (DialogueAct.THANKS, THANKS),
    (DialogueAct.YES, LISTENING),
)


def small_talk_reply(acts: frozenset[DialogueAct]) -> str | None:
    """Return the reply to a greeting, thanks or the like, or None."""
    return next((answer for act, answer in _ANSWERS if act in acts), None)


def describe_numbers(words: Sequence[str]) -> str:
    """Return the reply to numbers coded in the audio; a few are repeated one by one."""
    count = f"Escuché {len(words)} {'palabra' if len(words) == 1 else 'palabras'}"
    if len(words) > MOST_WORDS_REPEATED:
        return f"{count}, de {words[0]} a {words[-1]}."
    return f"{count}: {' '.join(words)}."
