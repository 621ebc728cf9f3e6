"""What-if: curves, heat maps and Shapley values of real models in real workers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor

from registry import features, models, predict, predictions, shapley, staging, what_if
from registry.errors import Conflict, InvalidInput, NotFound
from registry.records import Field, Schema
from tests.makers import models as makers

NAMES = ["age", "income", "rooms", "distance"]


@pytest.fixture(scope="module")
def houses() -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(3).normal(size=(60, 4)).round(3), columns=NAMES)


@pytest.fixture(scope="module")
def linear(houses):
    return LinearRegression().fit(houses, houses @ [2.0, -1.0, 0.5, 0.0] + 4)


@pytest.fixture(scope="module")
def tree(houses):
    worth = np.where(houses.age > 0, houses.income * 3, houses.rooms - houses.distance)
    return DecisionTreeRegressor(max_depth=5, random_state=0).fit(houses, worth)


@pytest.fixture
def publish_fitted(reg, alice, publish_file, tmp_path, houses) -> Callable:
    """Publishes a fitted estimator, with the rows as its sample file unless told otherwise."""

    def run(fitted, name, *, sample=True, **details):
        path = tmp_path / f"{name}.joblib"
        joblib.dump(fitted, path)
        files = {}
        if sample:
            with staging.receive(reg, alice, "sample.csv") as incoming:
                incoming.write(houses.to_csv(index=False).encode())
                files = {"sample": incoming.finish().id}
        return publish_file(alice, path, name=name, files=files, **details)

    return run


@pytest.fixture
def house(houses):
    return houses.iloc[7].to_dict()


def background(houses: pd.DataFrame) -> pd.DataFrame:
    """The rows that a worker takes of the sample: evenly over it."""
    n = what_if.N_BACKGROUND
    return houses.iloc[[i * len(houses) // n for i in range(n)]]


def by_definition(model, row, rows) -> list[float]:
    """Shapley values as the mean over every order of joining, which is their definition."""
    names = list(row)

    def worth(coalition):
        mixed = rows.copy()
        for name in coalition:
            mixed[name] = row[name]
        return model.predict(mixed).mean()

    worths = {
        frozenset(c): worth(c)
        for size in range(len(names) + 1)
        for c in itertools.combinations(names, size)
    }
    total = dict.fromkeys(names, 0.0)
    for order in itertools.permutations(names):
        for n, name in enumerate(order):
            total[name] += worths[frozenset(order[: n + 1])] - worths[frozenset(order[:n])]
    return [total[name] / math.factorial(len(names)) for name in names]


def test_a_curve_is_what_the_model_says_of_each_value(reg, alice, publish_fitted, linear, house):
    version = publish_fitted(linear, "Linear")
    found = what_if.curve(reg, alice, version.ref, house, "age", span=(-2, 2), n=9)
    asked = pd.DataFrame([{**house, "age": value} for value in found.values])
    assert found.answers["value"] == pytest.approx(linear.predict(asked), abs=1e-9)
    assert found.scale == "value"
    assert found.values[found.at] == house["age"]
    assert len(found.values) == 10


def test_a_curve_of_a_classifier_has_a_line_per_class_that_add_up_to_one(reg, alice, iris):
    row = dict(iris.schema.example)
    name = iris.schema.fields[2].name
    found = what_if.curve(reg, alice, iris.ref, row, name, span=(1, 7))
    assert set(found.answers) == set(iris.schema.classes)
    assert np.sum(list(found.answers.values()), axis=0) == pytest.approx(1)
    said = predict.predict(reg, alice, iris.ref, row).output("probabilities")
    now = [found.answers[c][found.at] for c in said.classes]
    assert now == pytest.approx(said.values[0])


def test_a_surface_is_what_the_model_says_of_each_pair(reg, alice, publish_fitted, tree, house):
    version = publish_fitted(tree, "Tree")
    spans = ((-2, 2), (-1, 3))
    found = what_if.surface(reg, alice, version.ref, house, "age", "income", spans, n=6)
    shape = (len(found.ys), len(found.xs))
    asked = pd.DataFrame([{**house, "age": x, "income": y} for y in found.ys for x in found.xs])
    assert np.array(found.answers["value"]) == pytest.approx(tree.predict(asked).reshape(shape))
    i, j = found.at
    assert found.answers["value"][j][i] == pytest.approx(tree.predict(pd.DataFrame([house]))[0])


def test_parts_of_a_linear_model_are_coefficient_times_distance_from_the_mean(
    reg, alice, publish_fitted, linear, houses, house
):
    version = publish_fitted(linear, "Linear")
    found = what_if.attribute(reg, alice, version.ref, house)
    rows = background(houses)
    expected = linear.coef_ * (np.array(list(house.values())) - rows.mean().to_numpy())
    assert found.parts["value"] == pytest.approx(expected, abs=1e-6)
    assert found.base["value"] == pytest.approx(linear.predict(rows).mean(), abs=1e-6)
    assert found.exact
    assert found.background == "32 rows of the sample file"
    assert found.n_rows == 2**4 * 32


def test_parts_of_a_tree_are_shapley_values_by_their_definition(
    reg, alice, publish_fitted, tree, houses, house
):
    version = publish_fitted(tree, "Tree")
    found = what_if.attribute(reg, alice, version.ref, house)
    expected = by_definition(tree, house, background(houses))
    assert found.parts["value"] == pytest.approx(expected, abs=1e-6)


def test_base_and_parts_add_up_to_the_answer_for_every_class(reg, alice, publish_file, tmp_path):
    version = publish_file(alice, makers.sklearn_forest(tmp_path), name="Forest")
    names = [field.name for field in version.schema.fields]
    row = dict(zip(names, (6.5, 3, 5.5, 2), strict=True))
    found = what_if.attribute(reg, alice, version.ref, row)
    said = predict.predict(reg, alice, version.ref, row).output("probabilities")
    for name, share in zip(said.classes, said.values[0], strict=True):
        assert found.base[name] + sum(found.parts[name]) == pytest.approx(share, abs=1e-9)
        assert found.answer[name] == pytest.approx(share, abs=1e-9)
    assert "no sample file" in found.background


def test_ranges_that_the_schema_does_not_know_are_those_of_the_sample(
    reg, alice, bob, publish_fitted, linear, houses
):
    version = publish_fitted(linear, "Linear")
    assert version.schema.fields[0].minimum is None
    found = what_if.seen(reg, alice, version.ref)
    assert [(f.minimum, f.maximum) for f in found.fields] == [
        (houses[name].min(), houses[name].max()) for name in NAMES
    ]
    plain = publish_fitted(linear, "Plain", sample=False)
    assert what_if.seen(reg, alice, plain.ref) == plain.schema
    with pytest.raises(NotFound):
        what_if.seen(reg, bob, version.ref)


def test_without_a_sample_an_input_of_usual_values_has_nothing_to_explain(
    reg, alice, publish_fitted, linear
):
    version = publish_fitted(linear, "Linear", sample=False)
    usual = features.typical(version.schema, {})
    with pytest.raises(Conflict, match="background itself"):
        what_if.attribute(reg, alice, version.ref, usual)


def test_a_door_leaves_one_line_in_the_log_however_many_rows_it_asked(
    reg, alice, publish_fitted, linear, house
):
    version = publish_fitted(linear, "Linear")
    what_if.surface(reg, alice, version.ref, house, "age", "income", n=30)
    with pytest.raises(InvalidInput):
        what_if.curve(reg, alice, version.ref, house, "nonsense")
    predictions.flush(reg)
    lines = predictions.find(reg, alice).items
    assert [(line.outcome, line.n_rows) for line in lines] == [("InvalidInput", 1), ("ok", 31 * 31)]


def test_what_the_watcher_raises_cancels_the_rest(reg, alice, publish_fitted, linear, house):
    version = publish_fitted(linear, "Linear")
    shares = []

    class GoneError(Exception):
        pass

    def leave(share):
        shares.append(share)
        if share > 0:
            raise GoneError

    with pytest.raises(GoneError):
        what_if.surface(reg, alice, version.ref, house, "age", "rooms", n=50, watch=leave)
    predictions.flush(reg)
    line = predictions.find(reg, alice).items[0]
    assert line.outcome == "Cancelled"
    assert line.n_rows == 256
    assert shares == [0, pytest.approx(256 / 51**2)]


def test_a_stranger_finds_nothing_and_a_reader_may_ask(
    reg, alice, bob, publish_fitted, linear, house
):
    version = publish_fitted(linear, "Linear")
    with pytest.raises(NotFound):
        what_if.attribute(reg, bob, version.ref, house)
    models.publish_to_all(reg, alice, version.model)
    assert what_if.attribute(reg, bob, version.ref, house).exact


def test_categories_and_gaps_move_too(reg, alice, publish_file, tmp_path):
    schema = Schema(
        "table",
        fields=(
            Field("age", "double", nullable=True, minimum=18, maximum=80),
            Field("city", "string", nullable=True, categories=("Bern", "Oslo", "Turin")),
            Field("tenure", "long", minimum=0, maximum=40),
            Field("plan", "string", categories=("free", "pro")),
        ),
        example={"age": 30.0, "city": "Oslo", "tenure": 5, "plan": "free"},
    )
    path = makers.sklearn_pipeline(tmp_path)
    version = publish_file(alice, path, name="Customers", schema=schema)
    row = schema.example
    cities = what_if.curve(reg, alice, version.ref, row, "city")
    assert cities.values == ("Bern", "Oslo", "Turin", None)
    assert cities.at == 1
    assert what_if.curve(reg, alice, version.ref, row, "tenure").values == tuple(range(41))
    assert what_if.curve(reg, alice, version.ref, row, "age").values[-1] is None
    found = what_if.attribute(reg, alice, version.ref, row)
    parts = dict(zip([name for name, _ in found.features], found.parts["left"], strict=True))
    assert parts["tenure"] > 0.3
    assert parts["city"] == 0
    assert found.base["left"] + sum(parts.values()) == pytest.approx(found.answer["left"])


def test_elements_of_small_tensors_are_features(reg, alice, publish_file, tmp_path):
    version = publish_file(alice, makers.onnx_dynamic(tmp_path), name="Sum of tensors")
    row = {"a": [[1.0, 2.0, 3.0]], "b": [[10.0, 20.0, 30.0]]}
    found = what_if.curve(reg, alice, version.ref, row, "b[1]", span=(0, 20), n=3)
    assert found.values == (0, 10, 20)
    assert found.answers["total[1]"] == (2, 12, 22)
    assert found.answers["total[0]"] == (11, 11, 11)
    parts = what_if.attribute(reg, alice, version.ref, row)
    assert parts.parts["total[2]"] == pytest.approx((0, 0, 3, 0, 0, 30))
    assert "zeros" in parts.background
    assert parts.n_rows == 2**6


def test_whole_numbers_given_to_a_float_tensor_move_in_fractions(
    reg, alice, publish_file, tmp_path
):
    version = publish_file(alice, makers.onnx_dynamic(tmp_path), name="Sum of tensors")
    row = {"a": [[1, 2, 3]], "b": [[0, 0, 0]]}
    found = what_if.curve(reg, alice, version.ref, row, "a[0]", span=(0, 1), n=3)
    assert found.values == (0, 0.5, 1)
    assert found.answers["total[0]"] == (0, 0.5, 1)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"feature": "age", "span": (2, -2)}, "must go up"),
        ({"feature": "age", "span": ("far", 3)}, "must be a number"),
        ({"feature": "age", "n": 1}, "must be 2 to 500"),
        ({"feature": "colour"}, "no feature"),
    ],
)
def test_what_cannot_be_moved_is_said(reg, alice, publish_fitted, linear, house, asked, why):
    version = publish_fitted(linear, "Linear")
    with pytest.raises(InvalidInput, match=why):
        what_if.curve(reg, alice, version.ref, house, **asked)


# Without a worker: the sums


def test_sampled_values_are_exact_where_features_only_add_up():
    rng = np.random.default_rng(0)
    row, rows, weights = rng.normal(size=20), rng.normal(size=(16, 20)), rng.normal(size=(20, 2))
    plan = shapley.plan(20, 16, 2000)
    assert plan.orders is not None
    assert len(plan.rows) <= 2000
    mixed = np.where(plan.masks, row, rows[plan.rows])
    found = shapley.values(plan, mixed @ weights)
    assert found.parts == pytest.approx(weights * (row - rows.mean(axis=0))[:, None], abs=1e-9)
    assert found.base == pytest.approx(rows.mean(axis=0) @ weights)


def test_sampled_values_are_within_their_errors_of_the_exact_ones():
    rng = np.random.default_rng(1)
    row, rows = rng.normal(size=9), rng.normal(size=(8, 9))

    def answer(plan):
        x = np.where(plan.masks, row, rows[plan.rows])
        return (x[:, 0] * x[:, 1] + np.maximum(x[:, 2], x[:, 3]) * x[:, 4] + x[:, 5:].sum(1))[
            :, None
        ]

    every, some = shapley.plan(9, 8, 1 << 12), shapley.plan(9, 8, 2000)
    exact, sampled = shapley.values(every, answer(every)), shapley.values(some, answer(some))
    assert every.orders is None
    assert some.orders is not None
    assert sampled.base == pytest.approx(exact.base)
    assert sampled.parts.sum() == pytest.approx(exact.parts.sum())
    assert np.abs(sampled.parts - exact.parts).max() < 4 * sampled.errors.max()
    assert np.abs(sampled.parts - exact.parts).max() < 0.2


def test_too_many_features_for_the_rows_are_refused():
    with pytest.raises(ValueError, match="too many"):
        shapley.plan(1000, 1, 2000)
