"""History on the pages: below the playground, the list, one prediction, the owner's choice."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts import past_view
from registry import access, golden_cases, keeping, predict, predictions
from registry.core import Registry
from registry.records import Actor, Kept, OutputValue, Version

Visit = Callable[..., AppTest]


def words(tab: AppTest) -> str:
    parts = [*tab.markdown, *tab.caption, *tab.error, *tab.title, *tab.code, *tab.success]
    return "\n".join(str(part.value) for part in [*parts, *tab.warning])


def press(tab: AppTest, label: str) -> AppTest:
    next(button for button in tab.button if button.label == label).click().run()
    assert not tab.exception
    return tab


def in_dialog(tab: AppTest, opener: str, button: str, **values: str) -> AppTest:
    """Open a dialog, fill it in and press; AppTest runs whole pages, so the opener is held."""
    tab.button(key=opener).click().run()
    for kind, key, value in ((*name.split("__"), value) for name, value in values.items()):
        getattr(tab, kind)(key=key.replace("_", ".")).set_value(value)
    tab.button(key=opener).click()
    tab.button(key=button).click().run()
    assert not tab.exception
    return tab


@pytest.fixture
def ask(reg: Registry, iris: Version) -> Callable[..., str]:
    """Asks the example; gives the id."""

    def run(actor: Actor) -> str:
        assert iris.schema is not None
        prediction_id = predict.predict(reg, actor, iris.ref, [iris.schema.example]).id
        predictions.flush(reg)
        return prediction_id

    return run


@pytest.fixture
def full(reg: Registry, alice: Actor, iris: Version) -> None:
    keeping.choose(reg, alice, iris.model, "full", 30)


def test_the_playground_says_what_is_kept_and_lists_what_was_asked(
    visit: Visit, alice: Actor, iris: Version
) -> None:
    tab = visit(alice, "playground.py", model=iris.model)
    assert "only a digest of it" in words(tab)
    assert "You have not asked this model anything yet" in words(tab)
    press(tab, "Submit")
    table = tab.dataframe[-1].value
    assert list(table["Version"]) == [iris.ref]
    assert "%" in table["Answer"][0]


def test_the_newest_can_be_rerun_also_when_nothing_is_kept(
    visit: Visit, reg: Registry, alice: Actor, iris: Version
) -> None:
    keeping.choose(reg, alice, iris.model, "nothing")
    tab = press(visit(alice, "playground.py", model=iris.model), "Submit")
    assert tab.button(key="pasts.share").disabled
    in_dialog(tab, "pasts.rerun", "rerun.run")
    assert "The answer is the same" in words(tab)


def test_in_another_visit_the_input_is_gone_and_the_page_says_so(
    visit: Visit, alice: Actor, iris: Version, ask: Callable[..., str]
) -> None:
    tab = visit(alice, "prediction.py", id=ask(alice))
    assert "Your input is not kept, only a digest of it" in words(tab)
    assert tab.button(key="prediction.rerun").disabled
    assert tab.button(key="prediction.golden").disabled


@pytest.mark.usefixtures("full")
def test_one_prediction_shows_its_input_and_its_answer_and_is_saved_as_golden_case(
    visit: Visit, reg: Registry, alice: Actor, iris: Version, ask: Callable[..., str]
) -> None:
    tab = visit(alice, "prediction.py", id=ask(alice))
    assert iris.schema is not None
    shown = {str(name).replace("\\", "") for name in tab.table[0].value.index}
    assert shown == {field.name for field in iris.schema.fields}
    assert tab.metric[0].value.split(" ")[0] in iris.schema.classes
    name = {"text_input__golden_new_name": "A usual flower"}
    in_dialog(tab, "prediction.golden", "golden.new.save", **name)
    [case] = golden_cases.find(reg, alice, iris.model)
    assert case.inputs == iris.schema.example


@pytest.mark.usefixtures("full")
def test_a_flag_reaches_those_who_manage_the_model(
    visit: Visit, reg: Registry, alice: Actor, bob: Actor, iris: Version, ask: Callable[..., str]
) -> None:
    access.share(reg, alice, iris.model, "bob", "view")
    tab = visit(bob, "prediction.py", id=ask(bob))
    said = {"radio__flag_which": "unsure", "text_area__flag_reason": "*looks* odd"}
    in_dialog(tab, "prediction.flag", "flag.save", **said)
    tab = visit(alice, "model.py", name=iris.model, tab="Activity")
    flagged = next(table.value for table in tab.dataframe if "Reason" in table.value)
    assert list(flagged["By"]) == ["bob"]
    assert list(flagged["Reason"]) == ["*looks* odd"]
    assert "Flagged predictions" not in str(
        [h.value for h in visit(bob, "model.py", name=iris.model, tab="Activity").subheader]
    )


@pytest.mark.usefixtures("full")
def test_a_link_opens_for_who_sees_the_model_and_for_nobody_else(
    visit: Visit, reg: Registry, alice: Actor, bob: Actor, iris: Version, ask: Callable[..., str]
) -> None:
    prediction_id = ask(alice)
    access.share(reg, alice, iris.model, "bob", "view")
    assert "Not found" in words(visit(bob, "prediction.py", id=prediction_id))
    tab = visit(alice, "prediction.py", id=prediction_id)
    in_dialog(tab, "prediction.share", "share.open")
    tab = visit(bob, "prediction.py", id=prediction_id)
    assert "alice asked" in words(tab)
    assert tab.button(key="prediction.flag").disabled
    access.unshare(reg, alice, iris.model, "bob")
    assert "Not found" in words(visit(bob, "prediction.py", id=prediction_id))


def test_the_list_follows_its_filters(
    visit: Visit, alice: Actor, iris: Version, ask: Callable[..., str]
) -> None:
    ask(alice)
    ask(alice)
    tab = visit(alice, "predictions.py")
    assert "2 predictions" in words(tab)
    tab.selectbox(key="predictions.outcome").set_value("failed").run()
    assert tab.query_params["outcome"] == "failed"
    assert "Nothing fits" in words(tab)
    press(tab, "Clear filters")
    assert len(tab.dataframe[0].value) == 2
    tab = visit(alice, "predictions.py", model=iris.model, version="2", since="nonsense", p="0")
    assert len(tab.dataframe[0].value) == 2
    tab = visit(alice, "predictions.py", model=iris.model, version="1", rows="one row")
    assert len(tab.dataframe[0].value) == 2


def test_an_empty_list_leads_to_the_playground(visit: Visit, alice: Actor) -> None:
    tab = visit(alice, "predictions.py")
    assert "No predictions yet" in words(tab)
    assert [button for button in tab.button if button.label == "Open the playground"]


def test_the_list_of_a_hidden_model_is_not_found(visit: Visit, bob: Actor, iris: Version) -> None:
    assert "Not found" in words(visit(bob, "predictions.py", model=iris.model))


def test_the_owner_chooses_what_is_kept(
    visit: Visit, reg: Registry, alice: Actor, bob: Actor, iris: Version
) -> None:
    tab = visit(alice, "model.py", name=iris.model, tab="Settings")
    assert tab.button(key="settings.keep.save").disabled
    tab.radio(key="settings.keep").set_value("full").run()
    tab.number_input(key="settings.keep.days").set_value(9).run()
    tab.button(key="settings.keep.save").click().run()
    assert keeping.get(reg, alice, iris.model) == Kept("full", 9)
    access.share(reg, alice, iris.model, "bob", "edit")
    tab = visit(bob, "model.py", name=iris.model, tab="Settings")
    assert tab.radio(key="settings.keep").disabled
    tab = visit(bob, "playground.py", model=iris.model)
    assert "kept for 9 days, for you and those who manage the model" in words(tab)


def test_answers_of_every_kind_are_said_in_a_word() -> None:
    label = OutputValue("label", "label", ["setosa"])
    chances = OutputValue("p", "probabilities", [[0.25, 0.75]], classes=("a", "b"))
    assert past_view.brief([chances, label]) == "setosa · 75.0 %"
    assert past_view.brief([OutputValue("y", "value", [[1.23456]])]) == "1.235"
    assert past_view.brief([OutputValue("e", "tensor", [[0.1, 0.2, 0.3]])]) == "3 values"
    assert past_view.brief([OutputValue("e", "tensor", [])]) == ""
