"""What is remembered from one question to the next."""

from __future__ import annotations

import sqlite3

import pytest

from registry import models, search
from registry.errors import NotFound
from registry.memory import recalled
from registry.records import ModelQuery
from registry.tables import ModelRow


def test_an_answer_is_kept_while_nothing_is_committed(reg, alice, iris):
    first = recalled(models.get, reg, alice, iris.model)
    assert recalled(models.get, reg, alice, iris.model) is first


def test_a_commit_makes_every_page_ask_again(reg, alice, iris):
    assert recalled(models.get, reg, alice, iris.model).description == ""
    models.edit(reg, alice, iris.model, description="three kinds of iris")
    assert recalled(models.get, reg, alice, iris.model).description == "three kinds of iris"


def test_a_commit_of_another_process_is_seen_too(reg, alice, iris):
    first = recalled(models.get, reg, alice, iris.model)
    with sqlite3.connect(reg.engine.url.database) as other:
        other.execute(f"UPDATE {ModelRow.__tablename__} SET description = 'from elsewhere'")
    other.close()
    assert first.description == ""
    assert recalled(models.get, reg, alice, iris.model).description == "from elsewhere"


def test_nobody_is_given_what_another_was_told(reg, alice, bob, iris):
    assert recalled(search.find_models, reg, alice, ModelQuery()).total == 1
    assert recalled(search.find_models, reg, bob, ModelQuery()).total == 0
    recalled(models.get, reg, alice, iris.model)
    with pytest.raises(NotFound):
        recalled(models.get, reg, bob, iris.model)
