"""`dragoman serve openinference`: what is answered over the wire, and what our own client makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from looking_backend import FEATURES
from PIL import Image

import dragoman
from dragoman import InvalidData, Item, NotFound, Unsupported
from dragoman.schema import Box, Model, Task
from dragoman.serving import serving
from dragoman_openinference.bodies import LENGTH_HEADER, read, written
from dragoman_openinference.serving import application
from dragoman_openinference.tensors import Tensor

PIXELS = np.zeros((6, 8, 3), np.uint8)
PIXELS[1:3, 2:7] = 200
BRIGHT = [2.0, 1.0, 7.0, 3.0]


def asked(url: str, *tensors: Tensor, binary: bool = True, version: str = "", **rest: Any) -> httpx.Response:
    """The answer to an inference request."""
    body, headers = written("inputs", tensors, {one.name for one in tensors} if binary else (), **rest)
    return httpx.post(f"{url}/v2/models/detector{version}/infer", content=body, headers=headers)


def image(pixels: Any = PIXELS) -> Tensor:
    return Tensor("image", "UINT8", pixels)


def answered(answer: httpx.Response) -> dict[str, Tensor]:
    assert answer.status_code == 200, answer.text
    _, tensors = read("outputs", answer.content, answer.headers.get(LENGTH_HEADER))
    return {tensor.name: tensor for tensor in tensors}


class TestTheWire:
    def test_the_server_says_what_it_is_and_has(self, served: str) -> None:
        assert httpx.get(f"{served}/v2").json()["extensions"] == ["binary_tensor_data"]
        for path in ("health/live", "health/ready", "models/detector/ready"):
            assert httpx.get(f"{served}/v2/{path}").status_code == 200
        index = httpx.post(f"{served}/v2/repository/index").json()
        facts = httpx.get(f"{served}/v2/models/detector").json()
        assert [entry["version"] for entry in index] == facts["versions"]
        assert [one["name"] for one in facts["outputs"]] == ["boxes", "scores", "labels"]

    @pytest.mark.parametrize("binary", [True, False])
    def test_pixels_are_looked_at_as_bytes_and_as_json(self, served: str, binary: bool) -> None:
        found = answered(asked(served, image(), binary=binary))
        assert sorted(found["labels"].texts()) == sorted(FEATURES)
        assert BRIGHT in found["boxes"].array.tolist()
        assert found["scores"].array.dtype == np.float32

    def test_a_batch_of_one_and_a_file_are_the_same_picture(self, served: str, tmp_path: Path) -> None:
        Image.fromarray(PIXELS).save(tmp_path / "a.png")
        file = Tensor.of_texts("image", [(tmp_path / "a.png").read_bytes()])
        for tensor in (image(PIXELS[None]), file):
            assert BRIGHT in answered(asked(served, tensor))["boxes"].array.tolist()

    def test_outputs_come_as_they_are_asked_for(self, served: str) -> None:
        wanted = [{"name": "labels"}, {"name": "boxes", "parameters": {"binary_data": True}}]
        answer = asked(served, image(), outputs=wanted, id="7")
        head, tensors = read("outputs", answer.content, answer.headers[LENGTH_HEADER])
        assert [tensor.name for tensor in tensors] == ["labels", "boxes"]
        assert ["data" in one for one in head["outputs"]] == [True, False]
        assert head["id"] == "7"

    def test_the_parameters_are_those_of_the_prediction(self, served: str) -> None:
        sure = answered(asked(served, image(), parameters={"confidence": 0.9}))
        assert sure["labels"].texts() == ["bright"]

    @pytest.mark.parametrize(
        ("tensors", "rest", "said"),
        [
            ((), {}, "nothing came"),
            ((Tensor("pixels", "UINT8", PIXELS),), {}, "pixels came"),
            ((Tensor("image", "FP32", PIXELS.astype(np.float32)),), {}, "takes UINT8"),
            ((image(PIXELS[:, :, :2]),), {}, "takes UINT8"),
            ((Tensor.of_texts("image", [b"no picture"]),), {}, "picture"),
            ((image(),), {"parameters": {"confidence": "high"}}, "no number"),
            ((image(),), {"parameters": {"confidence": 7}}, "between 0 and 1"),
            ((image(),), {"parameters": {"confidence": 10**400}}, "too large"),
            ((image(),), {"parameters": 7}, "not JSON of a request"),
            ((image(),), {"outputs": [{"name": "masks"}]}, "no output 'masks'"),
        ],
    )
    def test_a_bad_request_is_refused_with_a_reason(
        self, served: str, tensors: tuple[Tensor, ...], rest: dict[str, Any], said: str
    ) -> None:
        answer = asked(served, *tensors, **rest)
        assert answer.status_code == 400
        assert said in answer.json()["error"]

    @pytest.mark.parametrize("body", [b"{", b"[]", b'{"inputs": [{"name": "image"}]}', b'{"inputs": 7}'])
    def test_a_body_that_is_no_request_is_refused(self, served: str, body: bytes) -> None:
        assert httpx.post(f"{served}/v2/models/detector/infer", content=body).status_code == 400

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (b'{"id": "\xff"}', "not JSON"),
            (b'{"inputs": ' + b"[" * 100_000, "not JSON"),
            (b'{"inputs": [{"name": 7, "datatype": "UINT8", "shape": [1], "data": [0]}]}', "7 is no name"),
            (
                b'{"inputs": [{"name": "image", "datatype": "UINT8", "shape": [1], "parameters": "x"}]}',
                "A tensor lacks",
            ),
        ],
        ids=["no UTF-8", "too deep", "a number as the name", "parameters that are none"],
    )
    def test_a_body_of_another_form_is_refused_with_a_reason(self, served: str, body: bytes, said: str) -> None:
        answer = httpx.post(f"{served}/v2/models/detector/infer", content=body)
        assert answer.status_code == 400
        assert said in answer.json()["error"]

    @pytest.mark.parametrize("length", ["-1", "x", "3", "99999", "9" * 5000])
    def test_a_length_that_does_not_fit_the_body_is_refused(self, served: str, length: str) -> None:
        answer = httpx.post(f"{served}/v2/models/detector/infer", content=b"{}", headers={LENGTH_HEADER: length})
        assert answer.status_code == 400
        assert LENGTH_HEADER in answer.json()["error"]

    def test_a_refused_picture_says_nothing_of_the_files_of_the_server(self, served: str) -> None:
        error = asked(served, Tensor.of_texts("image", [b"no picture"])).json()["error"]
        assert error == "field image: The input 'image' is no picture that can be read."

    def test_what_is_not_there_is_404(self, served: str) -> None:
        for path in ("models/nobody", "models/detector/versions/99", "models/nobody/ready"):
            answer = httpx.get(f"{served}/v2/{path}")
            assert (answer.status_code, "error" in answer.json()) == (404, True)


class TestOurClient:
    @pytest.fixture
    def item(self, tmp_path: Path) -> Item:
        Image.fromarray(PIXELS).save(tmp_path / "a.png")
        return Item("a", uri=str(tmp_path / "a.png"))

    def test_predictions_are_those_of_the_backend_that_is_served(
        self, backend: Any, looking: Any, detector: Model, item: Item
    ) -> None:
        (version, _) = looking.versions.list(detector)
        expected = {(row.feature, row.geometry) for row in looking.inference.predict(version, [item])}
        (through, _) = backend.versions.list("detector")
        found = list(backend.inference.predict(through, [item]))
        assert {(row.feature, row.geometry) for row in found} == expected

    def test_a_version_that_is_pinned_is_the_only_one(self, looking: Any, detector: Model, item: Item) -> None:
        first, second = looking.versions.list(detector)
        with (
            serving(application(looking, detector, first)) as server,
            dragoman.connect("openinference", endpoint=server.url) as backend,
        ):
            (only,) = backend.versions.list("detector")
            assert only.name == first.id
            with pytest.raises(NotFound):
                backend.versions.get(f"detector/{second.id}")
            assert len(list(backend.inference.predict("detector", [item]))) == 2

    def test_without_a_version_the_newest_is_asked(self, looking: Any, detector: Model, served: str) -> None:
        newest = list(looking.versions.list(detector))[-1]
        assert asked(served, image(), binary=False).json()["model_version"] == newest.id

    def test_a_classifier_has_every_class(self, looking: Any, item: Item) -> None:
        model = looking.models.create("judge", task="classification", features=FEATURES)
        looking.versions.create(model, name="only")
        with (
            serving(application(looking, model, None)) as server,
            dragoman.connect("openinference", endpoint=server.url) as backend,
        ):
            assert backend.models.get("judge").task is Task.CLASSIFICATION
            (found,) = backend.inference.predict("judge", [item])
            assert (found.feature, found.class_pdf) == ("dark", pytest.approx({"dark": 38 / 48, "bright": 10 / 48}))

    def test_a_name_that_does_not_fit_an_address_is_spelled_so_that_it_does(self, looking: Any) -> None:
        model = looking.models.create("street/car ü", task="classification", features=FEATURES)
        looking.versions.create(model, name="only")
        with (
            serving(application(looking, model, None)) as server,
            dragoman.connect("openinference", endpoint=server.url) as backend,
        ):
            (name,) = (found.id for found in backend.models.list())
            assert backend.models.get(name).name == "street_car ü"

    @pytest.mark.parametrize("name", [".", "..", "a?b", "a#b", "100%", "a%2Fb"])
    def test_no_name_leads_to_another_address(self, backend: Any, name: str) -> None:
        for ask in (backend.models.get, backend.versions.get, backend.repository.unload):
            with pytest.raises((NotFound, Unsupported)):
                ask(name)
        with pytest.raises(NotFound, match="no version"):
            backend.versions.get(f"detector/{name}")

    def test_an_item_elsewhere_is_refused(self, backend: Any) -> None:
        with pytest.raises(InvalidData, match="files of this machine") as caught:
            list(backend.inference.predict("detector", [Item("a", uri="https://elsewhere.test/a.png")]))
        assert caught.value.row == 0

    def test_boxes_are_in_pixels_of_the_item(self, backend: Any, item: Item) -> None:
        found = {row.feature: row.geometry for row in backend.inference.predict("detector", [item])}
        assert found == {"dark": Box(0, 0, 8, 6), "bright": Box(2, 1, 5, 2)}
