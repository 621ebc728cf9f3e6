"""Each measure of the scorecard follows its formula; what is not known is left out of the mean."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from registry import access, golden_cases, lineage, metrics, models, scorecard, versions
from registry.errors import FetchFailed, NotFound
from registry.score_measures import MEASURES


def scores(reg, actor, ref):
    return {score.key: score for score in scorecard.of_version(reg, actor, ref).scores}


def test_there_are_eleven_measures_with_weights_that_add_up_to_one():
    assert len(MEASURES) == 11
    assert sum(measure.weight for measure in MEASURES.values()) == pytest.approx(1.0)


def test_every_measure_has_evidence_its_origin_and_a_latency(reg, alice, iris):
    for score in scorecard.of_version(reg, alice, iris.ref).scores:
        assert score.evidence
        assert score.where
        assert 0 < score.latency_ms < 10_000
        assert score.value is None or 0 <= score.value <= 1


def test_the_net_score_is_the_weighted_mean_of_what_was_measured(reg, alice, iris):
    card = scorecard.of_version(reg, alice, iris.ref)
    known = [score for score in card.scores if score.value is not None]
    assert {"lineage", "code_quality", "dataset_quality"} == {
        score.key for score in card.scores if score.value is None
    }
    weight = sum(score.weight for score in known)
    assert card.net == pytest.approx(sum(s.value * s.weight for s in known) / weight)


def test_a_card_and_an_example_shorten_the_way_in(reg, alice, iris):
    before = scores(reg, alice, iris.ref)["ramp_up"].value
    models.edit(reg, alice, iris.model, card="# For\n# Data\n# Limits\n" + "word " * 300)
    after = scores(reg, alice, iris.ref)["ramp_up"].value
    assert after == pytest.approx(before + 0.6)


def test_the_bus_factor_is_nothing_for_one_person_and_a_half_for_two(reg, alice, bob, iris):
    assert scores(reg, alice, iris.ref)["bus_factor"].value == 0
    access.share(reg, alice, iris.model, "bob", "edit")
    models.edit(reg, bob, iris.model, description="mine too")
    found = scores(reg, alice, iris.ref)["bus_factor"]
    assert found.value == pytest.approx(0.5)
    assert "2 people made 2 changes" in found.evidence


def test_no_metric_is_no_claim(reg, alice, iris):
    assert scores(reg, alice, iris.ref)["performance"].value == pytest.approx(0.4, abs=0.11)
    metrics.remove(reg, alice, iris.ref, "accuracy_score")
    assert scores(reg, alice, iris.ref)["performance"].value == 0


@pytest.mark.parametrize(
    ("license_", "value"), [("", 0.0), ("apache 2", 0.2), ("MIT", 1.0), ("mit or isc", 1.0)]
)
def test_a_license_counts_when_spdx_knows_it(reg, alice, iris, license_, value):
    models.edit(reg, alice, iris.model, license=license_)
    assert scores(reg, alice, iris.ref)["license"].value == value


def test_a_parent_counts_twice_by_its_license_and_its_own_net_score(
    reg, alice, iris, publish_file, iris_file
):
    models.edit(reg, alice, iris.model, license="GPL-3.0-only")
    child = publish_file(alice, iris_file, check=False, name="Child", license="MIT")
    lineage.link(reg, alice, child.ref, iris.ref)
    found = scores(reg, alice, child.ref)
    assert found["license"].value == 0
    assert "not compatible with its parent alice/iris@1" in found["license"].evidence
    net = scorecard.of_version(reg, alice, iris.ref).net
    assert found["lineage"].value == pytest.approx(net, abs=1e-3)


def test_a_small_file_fits_everywhere(reg, alice, iris):
    assert scores(reg, alice, iris.ref)["size"].value > 0.99


def test_data_and_code_are_found_by_links(reg, alice, publish_file, iris_file):
    links = {"dataset": "https://example.org/data", "code": "https://example.org/code"}
    made = publish_file(alice, iris_file, check=False, name="Linked", links=links)
    found = scores(reg, alice, made.ref)
    assert found["dataset_and_code"].value == 1
    assert found["code_quality"].value is None
    assert "was not looked at" in found["code_quality"].evidence


def test_enough_rows_held_out_rows_and_described_columns_make_a_good_data_set(
    reg, alice, publish_file, iris_file
):
    told = {"n_train": 20, "n_test": 4}
    made = publish_file(alice, iris_file, check=False, name="Few", training=told)
    columns = made.schema.fields
    described = sum(bool(c.categories or c.minimum is not None) for c in columns) / len(columns)
    expected = 0.4 * 20 / (10 * len(columns)) + 0.3 + 0.3 * described
    assert scores(reg, alice, made.ref)["dataset_quality"].value == pytest.approx(
        expected, abs=1e-3
    )


def test_what_it_takes_to_make_it_again_is_counted(reg, alice, publish_file, iris_file):
    bare = publish_file(alice, iris_file, check=False, name="Bare")
    told = {"dataset": "iris", "seed": 7}
    full = publish_file(alice, iris_file, check=False, name="Full", training=told)
    before, after = (scores(reg, alice, v.ref)["reproducibility"].value for v in (bare, full))
    assert after > before
    assert after >= 0.8


def test_a_second_pair_of_eyes_and_golden_cases_are_a_review(reg, alice, bob, iris):
    row = {field.name: 1.0 for field in iris.schema.fields}
    golden_cases.add(reg, alice, iris.model, "one", row, {"label": "setosa"})
    assert scores(reg, alice, iris.ref)["reviewedness"].value == 0.25
    access.share(reg, alice, iris.model, "bob", "edit")
    versions.edit(reg, bob, iris.ref, notes="looked at")
    assert scores(reg, alice, iris.ref)["reviewedness"].value == 0.75


def test_the_code_is_judged_by_its_link_only_where_fetching_is_on(
    reg, reg_with, alice, publish_file, iris_file, code_server
):
    made = publish_file(alice, iris_file, check=False, name="Linked", links={"code": code_server})
    with pytest.raises(FetchFailed, match="VITRINE_FETCH=1"):
        scorecard.with_links(reg, alice, made.ref)
    on = reg_with(fetch=True, fetch_allow=code_server.removeprefix("http://").split("/")[0])
    found = {score.key: score for score in scorecard.with_links(on, alice, made.ref).scores}
    assert found["code_quality"].value == pytest.approx(0.4)
    assert "a readme, a license" in found["code_quality"].evidence


@pytest.fixture
def code_server():
    """A repository with a readme and a license."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            there = ("/code", "/code/raw/HEAD/README.md", "/code/raw/HEAD/LICENSE")
            self.send_response(200 if self.path in there else 404)
            self.end_headers()

        def log_message(self, *_):
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/code"
    server.shutdown()
    server.server_close()


def test_a_parent_that_one_may_not_see_is_not_spoken_of(
    reg, alice, bob, iris, publish_file, iris_file
):
    child = publish_file(alice, iris_file, check=False, name="Child")
    lineage.link(reg, alice, child.ref, iris.ref)
    models.publish_to_all(reg, alice, child.model)
    assert scores(reg, bob, child.ref)["lineage"].value is None
    with pytest.raises(NotFound):
        scorecard.of_version(reg, bob, iris.ref)
