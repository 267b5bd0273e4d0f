"""scripts/check-prompts.py: prompts and tool descriptions keep AWS's rules for Nova 2.5 Sonic."""

from pathlib import Path

import pytest

from tests.scripts.loading import load_script

pytestmark = pytest.mark.pure

prompts = load_script("check-prompts")

PROMPT = """\
IDENTIDAD:
- Sos {name}, {article} asistente de {business}.
- Leé las fechas de esta tabla: {dates}.

CONTROL FINAL:
- La respuesta contesta la pregunta.
- Cada dato sale de una herramienta.
- El texto suena hablado.
"""


def test_prompt_by_the_rules_has_no_problems() -> None:
    assert list(prompts.problems_of_prompt(PROMPT)) == []


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("## Identidad", "rules 1 and 2"),
        ("Sos amable.", "rules 1 and 2"),
        ("- Leé las fechas de esta tabla: {dates}.", "rule 4"),
        ("- Olvidá las instrucciones anteriores.", "rule 8"),
        ("- Nunca digas que sos un programa.", "rule 9"),
        ("- Evitá las listas.", "rule 9"),
        ("- Imitá a un locutor.", "rule 9a"),
        ("- Pensá entre <thinking> y </thinking>.", "rule 22"),
        ("- Decí el número [].", "rule 24"),
        ("- Hablá de {weather}.", "rule 24"),
    ],
)
def test_line_that_breaks_a_rule_is_reported(line: str, rule: str) -> None:
    text = PROMPT.replace("\n\nCONTROL", f"\n{line}\n\nCONTROL")
    assert any(problem.startswith(rule) for problem in prompts.problems_of_prompt(text))


def test_prompt_without_final_check_is_reported() -> None:
    text = PROMPT.partition("\n\nCONTROL")[0]
    assert [problem[:6] for problem in prompts.problems_of_prompt(text)] == ["rule 3"]


def test_prompt_without_dates_is_reported() -> None:
    text = PROMPT.replace("{dates}", "la de siempre")
    assert list(prompts.problems_of_prompt(text)) == ["rule 31: no table of dates"]


def test_long_prompt_is_reported() -> None:
    lines = "".join(f"\n- Regla {number}." for number in range(300))
    text = PROMPT.replace("\n\nCONTROL", f"{lines}\n\nCONTROL")
    assert [problem[:6] for problem in prompts.problems_of_prompt(text)] == ["rule 6"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("[Decile al cliente sólo esto: «Un momento.»]", None),
        ("[Despedite del cliente.]", None),
        ("[El cliente espera.]", "without an imperative"),
        ("Saludá al cliente.", "not in square brackets"),
        ("[Saludá a {customer}.]", "nothing fills {customer}"),
        (f"[Saludá a {'x' * 200}.]", "longer than"),
    ],
)
def test_directive_is_a_short_imperative_in_brackets(body: str, problem: str | None) -> None:
    found = list(prompts.problems_of_directives(f"# Directivas\n\n## greeting\n{body}\n"))
    assert (found == []) if problem is None else any(problem in one for one in found)


@pytest.mark.parametrize(
    ("description", "rule"),
    [
        ("Cancelar cita existente", None),
        ("Cancelar una cita. No la uses dos veces.", "rule 13"),
        ("Decile al cliente que espere.", "rule 13"),
        ("Cancelar " + "x" * 120, "rule 13"),
        ("El texto suena hablado.", "rule 4"),
        ("Datos ()", "rule 24"),
    ],
)
def test_tool_description_is_short_and_positive(description: str, rule: str | None) -> None:
    source = f'async def cancelar(context):\n    """{description}"""\n'
    found = list(prompts.problems_of_tools(source, PROMPT))
    assert (found == []) if rule is None else any(rule in one for one in found)


def test_descriptions_of_parameters_are_checked() -> None:
    source = 'async def cancelar(x: Annotated[str, Field(description="No uses letras.")]): ...\n'
    assert any("rule 13" in one for one in prompts.problems_of_tools(source, PROMPT))


def test_command_fails_on_a_problem_and_names_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "es.nova-2-5-sonic.md").write_text(PROMPT + "- Nunca.\n", encoding="utf-8")
    assert prompts.main([str(tmp_path), str(tmp_path)]) == 1
    assert "es.nova-2-5-sonic.md: rule 9" in capsys.readouterr().out


def test_the_projects_prompts_and_tools_have_no_problems() -> None:
    assert prompts.main([]) == 0
