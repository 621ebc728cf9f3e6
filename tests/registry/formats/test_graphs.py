"""What is read out of ONNX, torch and stored formats, and how their tensors are proposed."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from registry import formats
from registry.errors import BrokenArtifact, PredictionFailed
from registry.records import Inspection, Schema
from tests.makers import models


def _inspect(path: Path) -> Inspection:
    with path.open("rb") as file:
        return formats.inspect(file, path.name)


def _schema(path: Path) -> Schema:
    schema = _inspect(path).schema
    assert schema is not None
    return schema


def test_a_converted_classifier_is_a_table_with_classes(tmp_path: Path) -> None:
    found = _inspect(models.onnx_classifier(tmp_path))
    assert found.task == "classification"
    assert found.details["producer"].startswith("skl2onnx")
    assert found.details["opset"]["ai.onnx.ml"] >= 1
    schema = found.schema
    assert schema is not None
    assert schema.kind == "table"
    assert schema.classes == ("setosa", "versicolor", "virginica")
    assert [o.role for o in schema.outputs] == ["label", "probabilities"]
    assert all(f.type == "float" and f.default for f in schema.fields)


def test_inputs_of_one_column_become_typed_columns(tmp_path: Path) -> None:
    age, tenure, city = _schema(models.onnx_columns(tmp_path)).fields
    assert (age.name, age.type) == ("age", "float")
    assert age.default == pytest.approx(models.onnx_columns_pipeline()[0]["n"].mean_[0], rel=1e-3)
    assert (tenure.type, type(tenure.default)) == ("long", int)
    assert city.categories == ("Bern", "Oslo", "Turin")


def test_a_picture_and_its_scores_are_guessed(tmp_path: Path) -> None:
    found = _inspect(models.onnx_picture(tmp_path))
    assert found.n_parameters == 36 + 1440
    assert found.task == "classification"
    assert found.schema is not None
    pixels = found.schema.tensors[0]
    assert pixels.shape == (-1, 1, 8, 8)
    assert pixels.image is not None
    assert (pixels.image.layout, pixels.image.width, pixels.image.channels) == ("NCHW", 8, 1)
    assert found.schema.outputs[0].role == "scores"


def test_sizes_with_names_are_any_size(tmp_path: Path) -> None:
    assert [t.shape for t in _schema(models.onnx_dynamic(tmp_path)).tensors] == [(-1, -1)] * 2


def test_weights_in_another_file_are_a_warning(tmp_path: Path) -> None:
    import onnx

    model = onnx.load(models.onnx_picture(tmp_path))
    onnx.external_data_helper.convert_model_to_external_data(model, size_threshold=0)
    for tensor in model.graph.initializer:
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.ClearField("raw_data")
    content = model.SerializeToString()
    found = formats.inspect(io.BytesIO(content), "model.onnx")
    assert [f.rule for f in found.findings] == ["external-data"]


def test_onnxruntime_says_in_words_what_it_cannot_load(tmp_path: Path) -> None:
    content = models.onnx_picture(tmp_path).read_bytes().replace(b"Conv", b"Cnov")
    with pytest.raises(PredictionFailed, match="cannot load"):
        formats.get("onnx").load_model(io.BytesIO(content), 1)


def test_a_graph_is_never_read_in_onnxruntimes_own_format(tmp_path: Path) -> None:
    """It goes by bytes 4 to 8, which may be the name of a producer: scan and load would differ."""
    import onnx

    path = models.onnx_classifier(tmp_path)
    model = onnx.load(str(path))
    start = bytes([8, model.ir_version, 0x12, 4]) + b"ORTM"
    model.ClearField("ir_version")
    model.ClearField("producer_name")
    path.write_bytes(start + model.SerializeToString())
    assert _inspect(path).details["producer"].startswith("ORTM")
    with path.open("rb") as file:
        assert formats.get("onnx").load_model(file, 1)


def test_torchscript_tells_its_argument_and_first_layer(tmp_path: Path) -> None:
    found = _inspect(models.torchscript_mlp(tmp_path))
    assert found.class_name == "torch.nn.modules.container.Sequential"
    assert found.n_parameters == 67
    assert _schema(models.torchscript_mlp(tmp_path)).tensors[0].shape == (-1, 4)
    assert _schema(models.torchscript_cnn(tmp_path)).tensors[0].shape == (-1, 1, -1, -1)
    assert _schema(models.torchscript_traced(tmp_path)).tensors[0].shape == (-1, 1, 8, 8)


def test_a_size_the_file_does_not_tell_is_found_by_trying(tmp_path: Path) -> None:
    path = models.torchscript_cnn(tmp_path)
    found, fmt = _inspect(path), formats.get("torchscript")
    with path.open("rb") as file:
        schema = fmt.complete(fmt.load_model(file, 1), found, found.schema)
    assert schema is not None
    assert schema.tensors[0].shape == (-1, 1, 8, 8)
    assert schema.tensors[0].image is not None
    assert schema.outputs[0].shape == (-1, 10)


def test_torch_export_tells_all_from_its_graph(tmp_path: Path) -> None:
    found = _inspect(models.torch_export_cnn(tmp_path))
    assert found.framework_version.startswith("2.")
    assert found.n_parameters == 1490
    assert found.schema is not None
    assert found.schema.tensors[0].shape == (-1, 1, 8, 8)
    assert found.schema.outputs[0].shape == (-1, 10)
    assert not found.findings


def test_a_state_dict_says_what_to_export_instead(tmp_path: Path) -> None:
    found = _inspect(models.torch_state_dict(tmp_path))
    assert found.why_not_runnable.startswith("a state dict holds weights without the network")
    assert "torch.export" in found.why_not_runnable
    assert found.n_parameters == 1490
    assert found.details["tensors"]["0.weight"] == "float32 [4, 1, 3, 3]"


def test_a_checkpoint_tells_what_lies_beside_the_weights(tmp_path: Path) -> None:
    found = _inspect(models.torch_checkpoint(tmp_path))
    assert found.class_name == "checkpoint"
    assert found.parameters == {"epoch": 3, "loss": 0.25}


def test_a_module_of_an_own_class_is_stored_with_the_reason(tmp_path: Path) -> None:
    path = models.torch_own_class(tmp_path)
    found = _inspect(path)
    assert not found.runnable
    assert "mine.networks.Network" in found.why_not_runnable
    with path.open("rb") as file, pytest.raises(PredictionFailed, match=r"mine\.networks\.Network"):
        formats.get("torch_pickle").load_model(file, 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda h: h["w"].update(shape=[5, 5]), "fit its shape"),
        (lambda h: h["w"].update(data_offsets=[0, 48]), "overlap or leave gaps"),
        (lambda h: h["w"].update(shape=[-1]), "impossible"),
        (lambda h: h["w"].update(dtype="X9"), "fit its shape"),
    ],
)
def test_a_safetensors_header_must_fit_its_bytes(
    change: Callable[[dict[str, dict[str, object]]], None], words: str, tmp_path: Path
) -> None:
    content = models.safetensors_file(tmp_path).read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    damaged = struct.pack("<Q", len(text)) + text + content[8 + length :]
    with pytest.raises(BrokenArtifact, match=words):
        formats.inspect(io.BytesIO(damaged), "w.safetensors")


def test_stored_formats_tell_what_their_headers_hold(tmp_path: Path) -> None:
    keras = _inspect(models.keras_zip(tmp_path))
    assert (keras.framework, keras.framework_version) == ("Keras", "3.15.1")
    assert keras.details["layers"] == ["InputLayer", "Dense"]
    assert _inspect(models.keras_h5(tmp_path)).n_parameters == 12
    lite = _schema(models.tflite_file(tmp_path))
    assert (lite.tensors[0].name, lite.tensors[0].shape) == ("flower", (1, 4))
    saved = _inspect(models.tensorflow_saved_model(tmp_path))
    assert saved.framework_version == "2.19.0"
    assert saved.details["operations"] == {"Placeholder": 1, "MatMul": 1}
    assert _inspect(models.tensorflow_pb(tmp_path)).details["inputs"] == ["x"]
    flavors = _inspect(models.mlflow_zip(tmp_path))
    assert flavors.framework == "scikit-learn"
    assert flavors.schema is not None
    assert flavors.schema.fields[0].name == "age"


def test_an_mlmodel_with_aliases_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("MLmodel", "a: &a [x, x]\nb: [*a, *a]\n")
    with pytest.raises(BrokenArtifact, match="by reference"):
        _inspect(path)


def test_a_member_that_unfolds_too_far_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("MLmodel", b" " * (1 << 20))
    with pytest.raises(BrokenArtifact, match="larger than"):
        _inspect(path)


def test_big_weights_are_described_without_being_read(tmp_path: Path) -> None:
    """A sparse file of 300 MB: only its header has bytes on the disk."""
    header = json.dumps(
        {"w": {"dtype": "F32", "shape": [75_000_000], "data_offsets": [0, 300_000_000]}}
    )
    path = tmp_path / "big.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header.encode())
        file.truncate(8 + len(header) + 300_000_000)
    assert _inspect(path).n_parameters == 75_000_000
