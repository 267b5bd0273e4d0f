"""Which parts of texts and tool arguments are masked."""

import re
from collections.abc import Callable, Collection
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conversations.masking import MASKS, mask_arguments, mask_text, mask_texts

pytestmark = pytest.mark.pure


def masked(text: str, masks: Collection[str] = MASKS) -> str:
    return mask_text(text, masks=masks)


# --- Numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mi DNI es 12345678.", "Mi DNI es ******78."),
        ("1234567", "******67"),
        ("DNI12345678", "DNI******78"),
        ("12.345.678", "******78"),
        ("1.234.567", "******67"),
        ("12 345 678", "******78"),
        ("1234 5678", "******78"),
        ("12 34 56 78", "******78"),
        ("1 2 3 4 5 6 7 8", "******78"),
        ("1 2 3 4 5 6 7", "******67"),
        ("1, 2, 3, 4, 5, 6, 7, 8", "******78"),
        ("1-2-3-4-5-6-7-8", "******78"),
        ("1.2.3.4.5.6.7.8", "******78"),
        ("12\u00a0345\u00a0678", "******78"),
        ("uno dos tres cuatro cinco seis siete ocho", "******78"),
        ("Uno, dos, tres, cuatro, cinco, seis, siete", "******67"),
        ("doce, treinta y cuatro, cincuenta y seis, setenta y ocho", "******78"),
        ("treinta y uno veintidós 45 67", "******67"),
        ("veintidos cero uno dieciséis noventa", "******90"),
        ("doce millones trescientos cuarenta y cinco mil seiscientos setenta y ocho", "******"),
        ("12 millones 345 mil 678", "******"),
        ("pedido 300107, DNI 12345678", "pedido 300107, DNI ******78"),
        ("pedido 300107 12345678", "pedido 300107 ******78"),
        ("12345678 300107", "******78 300107"),
        ("300107 1 2 3 4 5 6 7 8", "300107 ******78"),
        ("12.345.678 y 23.456.789", "******78 y ******89"),
        ("20-12345678-3", "20-******78-3"),
        ("ſeis siete ocho nueve uno dos tres", "******23"),
        ("SEİS siete ocho nueve uno dos tres", "******23"),
        ("seıs siete ocho nueve uno dos tres", "******23"),
        ("12345678@", "******78@"),
    ],
)
def test_identity_number_is_masked_in_every_notation(text: str, expected: str) -> None:
    assert masked(text) == expected
    assert masked(text, {"dni"}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("llamame al 11 5555 1234", "llamame al ********34"),
        ("1155551234", "********34"),
        ("+54 9 11 5555-1234", "***********34"),
        ("+5491155551234", "***********34"),
        ("+54911 555512 34", "***********34"),
        ("(011) 4555-1234", "(*********34"),
        ("011-4555-1234", "*********34"),
        ("0351 155123456", "0351 *******56"),
        ("4555-1234", "******34"),
        ("1 1 5 5 5 5 1 2 3 4", "********34"),
        ("uno uno cinco cinco cinco cinco uno dos tres cuatro", "********34"),
        ("tarjeta 4509 9535 6623 3704", "tarjeta **************04"),
        ("CBU 0170099220000067797370", "CBU ********************70"),
    ],
)
def test_telephone_number_is_masked_in_every_notation(text: str, expected: str) -> None:
    assert masked(text) == expected
    assert masked(text, {"phone"}) == expected


@pytest.mark.parametrize(
    "text",
    [
        "pedido 300107",
        "el pedido 3 0 0 1 0 7",
        "tres cero cero uno cero siete",
        "turno 123456",
        "el 1 y el 2, no el 3",
        "TRK123456789",
        "el seguimiento es TRK 123456789",
        "$ 15.000.000",
        "$15000000",
        "US$ 1.500.000",
        "15.000.000 pesos",
        "12345678 dólares",
        "doce millones de pesos",
        "doce millones trescientos mil pesos",
        "un millón",
        "1.234.567,89",
        "1234567,50",
        "1234567.50",
        "67.48",
        "27/11/2099",
        "27-11-2099",
        "27.11.2099",
        "27 11 2099",
        "2099-11-27",
        "2099-11-27T15:00:00",
        "2099-11-27 15:00",
        "2099-11-27T15:00:00.000Z",
        "27-11-2099 10.30",
        "27 11 2099 10 30",
        "entre 2025-2099",
        "a las 10:30",
        "a las 10 30 del 27",
        "cincuenta y cinco mil seiscientos",
        "noventa y nueve",
        "uno dos tres, probando",
        "¿Dónde está mi pedido?",
        "",
    ],
)
def test_number_that_identifies_nobody_is_not_masked(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    ("masks", "shown"),
    [
        ({"dni"}, "DNI ******78, tel. 1155551234 o 4555-1234, ana@mail.com"),
        ({"phone"}, "DNI 12345678, tel. ********34 o ******34, ana@mail.com"),
        ({"email"}, "DNI 12345678, tel. 1155551234 o 4555-1234, a***@m***.com"),
        (set(), "DNI 12345678, tel. 1155551234 o 4555-1234, ana@mail.com"),
    ],
)
def test_each_mask_applies_alone(masks: set[str], shown: str) -> None:
    text = "DNI 12345678, tel. 1155551234 o 4555-1234, ana@mail.com"
    expected = shown.replace("4555-1234", "******34") if "dni" in masks else shown

    assert masked(text, masks) == expected


# --- E-mail addresses


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("juan.perez@email.com", "j***@e***.com"),
        ("Es ana_b+c@mail.empresa.com.ar.", "Es a***@m***.ar."),
        ("<ana@mail.com>, (eva@x.org)", "<a***@m***.com>, (e***@x***.org)"),
        ("ñandú@correo.com", "ñ***@c***.com"),
        ("ana@gmail", "a***@g***"),
        ("12345678@mail.com", "1***@m***.com"),
        ("juan arroba gmail punto com", "j*** arroba g*** punto com"),
        ("juan punto perez arroba gmail punto com punto ar", "j*** arroba g*** punto ar"),
        ("ana guion bajo lopez Arroba mail.com", "a*** arroba m***.com"),
        ("a n a arroba mail punto com", "a*** arroba m*** punto com"),
    ],
)
def test_email_address_is_masked_except_for_first_letters(text: str, expected: str) -> None:
    assert masked(text) == expected


@pytest.mark.parametrize("text", ["@", "a @ b", "arroba", "una arroba", "j***@e***.com"])
def test_text_that_is_no_address_is_not_masked(text: str) -> None:
    assert masked(text) == text


# --- Arguments


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"orderId": "300107"}, {"orderId": "300107"}),
        ({"dni": "12345678"}, {"dni": "******78"}),
        ({"dni": 12345678}, {"dni": "******78"}),
        ({"DNI": "12.345"}, {"DNI": "******45"}),
        ({"dni": "123"}, {"dni": "******"}),
        ({"documentNumber": "doce"}, {"documentNumber": "******"}),
        ({"dni": None, "dni_ok": True}, {"dni": None, "dni_ok": True}),
        ({"dni": ""}, {"dni": ""}),
        ({"customerEmail": "ana@mail.com"}, {"customerEmail": "a***@m***.com"}),
        ({"correo": "ana"}, {"correo": "a***"}),
        ({"email": '"ana b"@mail.com'}, {"email": '"***@m***.com'}),
        ({"teléfono": "4555"}, {"teléfono": "******"}),
        ({"phoneNumber": 1155551234}, {"phoneNumber": "********34"}),
        ({"notes": "mi DNI es 12345678"}, {"notes": "mi DNI es ******78"}),
        ({"customerName": "Ana López"}, {"customerName": "Ana López"}),
        ({"total": 12345678, "price": 1234567.5}, {"total": 12345678, "price": 1234567.5}),
        ({"date": "2099-11-27T15:00:00"}, {"date": "2099-11-27T15:00:00"}),
        (
            {"items": [{"name": "Termo", "quantity": 2, "price": "25.99"}]},
            {"items": [{"name": "Termo", "quantity": 2, "price": "25.99"}]},
        ),
        (
            {"customer": {"dni": "12345678", "notes": ["ana@mail.com", 7]}},
            {"customer": {"dni": "******78", "notes": ["a***@m***.com", 7]}},
        ),
        ({"emails": ["ana@mail.com", "eva@x.org"]}, {"emails": ["a***@m***.com", "e***@x***.org"]}),
        ({"dni": {"value": "1234"}}, {"dni": {"value": "******"}}),
    ],
)
def test_arguments_are_masked_by_field_name_and_by_pattern(
    arguments: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert mask_arguments(arguments, masks=MASKS) == expected


def test_field_without_active_mask_is_treated_as_text() -> None:
    arguments = {"dni": "12345678", "email": "ana@mail.com", "phone": "11 5555 1234"}

    assert mask_arguments(arguments, masks={"email"}) == {**arguments, "email": "a***@m***.com"}
    assert mask_arguments(arguments, masks=set()) == arguments


# --- Properties of all texts

WORDS = st.sampled_from(
    [
        "uno",
        "dos",
        "tres",
        "veintidós",
        "treinta",
        "y",
        "millones",
        "mil",
        "pesos",
        "arroba",
        "punto",
        "de",
        "TRK",
        "DNI",
        "$",
        "el",
    ]
)
NUMBERS = st.integers(0, 10**12).map(str) | st.integers(0, 9).map(str)
SIGNS = st.sampled_from([" ", " ", ".", ",", ", ", "-", "/", ":", "(", ")", "+", "@", "*", "\n"])
SPEECH = st.lists(WORDS | NUMBERS | SIGNS, max_size=25).map("".join) | st.text(max_size=60)
SOME_MASKS = st.sets(st.sampled_from(sorted(MASKS)))


@given(SPEECH, SOME_MASKS)
@example("1234567@", {"dni", "email"})
@example("a@b@c", {"email"})
@example("*** arroba *", {"email"})
def test_masking_is_idempotent(text: str, masks: set[str]) -> None:
    once = masked(text, masks)

    assert masked(once, masks) == once


@given(SPEECH, SOME_MASKS)
def test_masking_adds_no_letters(text: str, masks: set[str]) -> None:
    letters = [letter for letter in masked(text, masks) if letter != "*"]
    original = iter(text)

    assert all(letter in original for letter in letters if not letter.isdecimal())


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    ["a", "a ", " ", "mil ", "x punto ", "1 ", "uno ", "treinta y ", "a@", "a.", "arroba ", "("],
)
def test_huge_text_is_masked_in_time(part: str) -> None:
    once = masked(part * 20_000)

    assert masked(once) == once


@given(SPEECH)
def test_text_is_unchanged_without_masks(text: str) -> None:
    assert masked(text, ()) == text


NOTATIONS: list[Callable[[str], str]] = [
    str,
    lambda dni: f"{dni[:-6]}.{dni[-6:-3]}.{dni[-3:]}",
    lambda dni: f"{dni[:-6]} {dni[-6:-3]} {dni[-3:]}",
    " ".join,
    ", ".join,
    "-".join,
]
SURROUNDINGS = st.text(
    alphabet=st.characters(exclude_categories=["Nd"], exclude_characters="*$€,.@+()-")
)


@given(
    before=SURROUNDINGS,
    number=st.integers(1_000_000, 99_999_999).map(str),
    notation=st.sampled_from(NOTATIONS),
)
def test_identity_number_shows_only_its_last_two_digits(
    before: str, number: str, notation: Callable[[str], str]
) -> None:
    sentence = f"{before} es {notation(number)}"
    if re.search(r"trk\W?$", f"{before} es ", re.IGNORECASE):
        return
    shown = "".join(re.findall(r"[0-9]", masked(sentence)))

    assert shown == number[-2:]


@given(st.integers(0, 999_999).map(str), SURROUNDINGS)
def test_number_of_six_digits_is_never_masked(number: str, around: str) -> None:
    assert f" {number} " in masked(f"{around} {number} ;")


@pytest.mark.parametrize(
    ("texts", "masked"),
    [
        (["32 450", "612"], ["******", "******12"]),
        (["es 32.450,", "612. ¿Está?"], ["es ******,", "******12. ¿Está?"]),
        (["32 450 612", "Hola"], ["******12", "Hola"]),
        (["32", "450", "612 y listo"], ["******", "******", "******12 y listo"]),
        (["el pedido 482915", "32"], ["el pedido 482915", "32"]),
        (["", "2"], ["", "2"]),
        ([], []),
    ],
)
def test_number_in_several_texts_is_masked_in_each(texts: list[str], masked: list[str]) -> None:
    assert mask_texts(texts, masks=MASKS) == masked
    assert mask_texts(texts, masks=()) == texts
