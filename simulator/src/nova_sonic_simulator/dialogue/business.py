"""What a system prompt says about the business, and the answers to questions about it.

The server of this repository writes these facts in fixed sentences (`voice/prompts`); a prompt without them has
none of them, and the questions are answered as out of scope.
"""

import re
from dataclasses import dataclass

from nova_sonic_simulator.dialogue.inquiries import asks_information
from nova_sonic_simulator.dialogue.nlu.tokens import fold

EMERGENCY = re.compile(
    r"\b(?:duele|dolor|puntada|opresion)\b.{0,20}\bpecho\b|\bno (?:puedo|puede|podia) respirar\b"
    r"|\b(?:falta de aire|le falta el aire|me falta el aire|se (?:esta )?ahog\w+|me (?:estoy )?ahog\w+)\b"
    r"|\b(?:infarto|acv|convulsion\w*|se desmayo|inconsciente|desangr\w+|no reacciona|no respira)\b"
)
STILL_EMERGENCY = re.compile(r"\bque (?:hago|hacemos|tengo que hacer)\b|\bayuda\b|\bes urgente\b")
_PERSON = re.compile(
    r"\b(?:hablar|hable|comunic\w+|pasame|pasarme|atienda|atender|derivame)\b.{0,25}"
    r"\b(?:persona|humano|humana|alguien|operador|operadora|encargado|encargada|recepcionista|supervisor)\b"
    r"|\bno quiero (?:hablar con )?(?:una |un )?(?:maquina|robot|contestador|grabacion)\b"
)
_HOURS = re.compile(
    r"\b(?:abren|abre|abierto|abiertos|cierran|cierra|horarios? de atencion)\b|\batienden\b(?! con\b| por\b)"
)
_ADDRESS = re.compile(r"\b(?:donde (?:queda|quedan|estan|es)|direccion|como llego)\b")
_PHONE = re.compile(
    r"\b(?:que|cual|a que)\b.{0,15}\b(?:telefono|numero)\b.{0,15}\b(?:tienen|llamo|llamar|es el de ustedes)\b"
)
_PROFESSIONALS = re.compile(
    r"\bquien(?:es)? (?:hay|atienden?|esta|estan)\b"
    r"|\bque (?:doctor\w*|medic\w+|profesional\w*) (?:hay|tenes|tienen|atienden)\b"
)
_PRICE = re.compile(
    r"\b(?:cuanto (?:sale|salen|cuesta|cuestan|vale|valen|esta|estan)|que precio|a cuanto)\b"
)
_HAGGLING = re.compile(
    r"\b(?:me (?:lo|la|los|las) dejas|rebaja\w*|descuento|mas barat\w+|me haces precio|a menos)\b"
)
CATALOGUE_PRICES = (
    "El precio sale del catálogo: armo el pedido y te lo leo antes de que lo confirmes."
)
FIXED_PRICES = "Los precios son los del catálogo, no los puedo cambiar."


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    """The facts that a prompt names; empty where it has none."""

    emergency: str = ""
    person: str = ""
    hours: str = ""
    address: str = ""
    phone: str = ""
    professionals: str = ""
    has_catalogue: bool = False

    def answer_emergency(self, text: str, *, is_continued: bool) -> str | None:
        """Return what somebody with an emergency must hear first, or None if there is none."""
        plain = fold(text)
        is_one = EMERGENCY.search(plain) or (is_continued and STILL_EMERGENCY.search(plain))
        return f"Antes que nada, {self.emergency}." if self.emergency and is_one else None

    def answer_person(self, text: str) -> str | None:
        """Return how to reach a person, if the customer asks for one."""
        is_asked = bool(self.person) and _PERSON.search(fold(text))
        return f"Para hablar con una persona, {self.person}." if is_asked else None

    def answer_out_of_scope(self) -> tuple[str, ...]:
        """Return what to say to a wish that no tool fulfils."""
        return (f"Con eso no te puedo ayudar yo: {self.person}.",) if self.person else ()

    def answer_question(self, text: str, *, is_about_visit: bool) -> str | None:
        """Return the answer to a question about the business, or None if the prompt has none.

        `is_about_visit` is whether an appointment is spoken of, whose price is not in the catalogue.
        """
        plain, is_information = fold(text), asks_information(text)
        for pattern, fact, sentence in (
            (_HOURS, self.hours, "Atendemos {}."),
            (_ADDRESS, self.address, "Estamos en {}."),
            (_PHONE, self.phone, "Nuestro teléfono es {}."),
            (_PROFESSIONALS, self.professionals, "Atienden {}."),
        ):
            if fact and pattern.search(plain) and (fact is self.address or not is_information):
                return sentence.format(fact)
        return None if is_about_visit else self._answer_price(plain)

    def _answer_price(self, plain: str) -> str | None:
        if not self.has_catalogue:
            return None
        if _HAGGLING.search(plain):
            return FIXED_PRICES
        return CATALOGUE_PRICES if _PRICE.search(plain) and "pedido" not in plain else None


_SAY = r"(?:di|decile) que"
_VOSEO = {"llame": "llamá", "vaya": "andá", "puede": "podés"}
_END = r"\.(?=\s*(?:\n|$|Dirección:|Teléfono:|Otros datos:|Si el cliente|Profesionales:|Horario ))"


def _to_customer(said: str) -> str:
    """Return what is said of the customer as it is said to them: "llame" is "llamá"."""
    return re.sub(r"\w+", lambda match: _VOSEO.get(match[0], match[0]), said)


def read_business(system_prompt: str) -> Business:
    """Return the facts of a system prompt."""

    def find(pattern: str) -> str:
        found = re.search(pattern, system_prompt)
        return found[1].strip() if found else ""

    return Business(
        emergency=_to_customer(find(r"antes que nada que ([^\n]+?)\.(?:\s|$)")),
        person=_to_customer(
            find(rf"hablar con una persona, {_SAY} ([^\n]+?), y s(?:igue|eguí) ayudando")
        ),
        hours=find(rf"Horario de los turnos: ([^\n]+?){_END}"),
        address=find(rf"Dirección: ([^\n]+?){_END}"),
        phone=find(rf"Teléfono: ([^\n]+?){_END}"),
        professionals=find(rf"Profesionales: ([^\n]+?){_END}"),
        has_catalogue="los da la herramienta desde el catálogo" in system_prompt,
    )
