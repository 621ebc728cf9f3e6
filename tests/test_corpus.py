"""The corpora as a whole: no hostile file passes, no honest one is troubled, the docs say so."""

from __future__ import annotations

import pytest

from tools import corpus


@pytest.fixture(scope="module")
def honest() -> dict[str, corpus.Judged]:
    return corpus.judged(corpus.models())


def test_the_corpora_are_wide(honest: dict[str, corpus.Judged]) -> None:
    assert len(corpus.techniques()) >= 60
    assert len(honest) >= 40


def test_no_honest_model_is_troubled(honest: dict[str, corpus.Judged]) -> None:
    assert {name: said for name, said in honest.items() if said[:2] != ("clean", "")} == {}


def test_every_technique_says_what_it_is() -> None:
    assert [name for name, maker in corpus.techniques().items() if not maker.__doc__] == []


def test_the_table_in_the_docs_is_what_the_scanners_say(honest: dict[str, corpus.Judged]) -> None:
    found = corpus.BETWEEN.search(corpus.PAGE.read_text())
    table = corpus.table(corpus.judged(corpus.techniques()), honest)
    assert found
    assert found[0] == table, "run: python -m tools.corpus"
    assert "CLEAN" not in table
