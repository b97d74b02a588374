"""What holds for every real server of the Open Inference Protocol, whichever way it is spoken to.

The test modules of each server subclass these classes; `Served` says how the server is reached.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image
from servers import LOOPBACK, Server

import dragoman
from dragoman import InvalidData, Item, NotFound
from dragoman.schema import Box, Task, Whole

WIDTH, HEIGHT = 48, 30
LEFT, TOP, RIGHT, BOTTOM = 10, 5, 40, 20
FEATURES = ["dark", "bright"]


def picture(path: Path) -> Item:
    """A black picture with a red part, turned on its side by its EXIF orientation."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[TOP:BOTTOM, LEFT:RIGHT, 0] = 255
    turned = Image.fromarray(pixels).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    # Shown turned by a quarter, clockwise.
    exif[0x0112] = 6
    turned.save(path, exif=exif)
    return Item(path.name, uri=str(path))


class Served:
    """How a server is reached."""

    scheme: ClassVar[str]
    """`http` or `grpc`."""
    versions: ClassVar[list[str]]
    """Ids of the versions of `detector`, the oldest first."""

    @pytest.fixture
    def server(self) -> Server:
        """The running server."""
        raise NotImplementedError

    def endpoint(self, server: Server) -> str:
        """Its address."""
        return f"{self.scheme}://{LOOPBACK}:{server.ports[self.scheme == 'grpc']}"

    @pytest.fixture
    def backend(self, server: Server) -> Iterator[Any]:
        """The backend. Triton's models number their features, MLServer's name them."""
        layout = {"features": FEATURES}
        layouts = {"squares": {"features": FEATURES, "unit": "fraction"}}
        settings = {"endpoint": self.endpoint(server), "layout": layout, "layouts": layouts}
        with dragoman.connect("openinference", **settings) as backend:
            yield backend


class ServerChecks(Served):
    """The repository, the models, and what they find."""

    def test_the_server_is_ready_and_says_what_it_is(self, backend: Any, server: Server) -> None:
        assert backend.repository.server().name == server.name
        assert backend.repository.ready()
        assert [backend.repository.ready(one) for one in ("detector", self.versions[0], "nobody")] == [
            True,
            True,
            False,
        ]

    def test_models_and_versions_are_those_of_the_repository(self, backend: Any) -> None:
        assert {"detector", "classifier"} <= {model.name for model in backend.models.list()}
        assert [model.name for model in backend.models.list(query="DETECT")] == ["detector"]
        found = list(backend.versions.list("detector"))
        assert [version.id for version in found] == self.versions
        assert {version.metadata["state"] for version in found} == {"READY"}
        assert backend.versions.get(self.versions[0]).metadata["inputs"] == {"image": "UINT8 [-1, -1, 3]"}

    def test_a_model_s_task_is_told_by_its_outputs(self, backend: Any) -> None:
        tasks = [backend.models.get(name).task for name in ("detector", "classifier")]
        assert tasks == [Task.OBJECT_DETECTION, Task.CLASSIFICATION]

    @pytest.mark.parametrize("name", ["nobody", "detector/99", "detector/nobody"])
    def test_what_is_not_there_is_not_found(self, backend: Any, name: str) -> None:
        with pytest.raises(NotFound):
            backend.versions.get(name)

    def test_a_detector_finds_boxes_in_pixels_of_the_picture_as_it_is_seen(self, backend: Any, tmp_path: Path) -> None:
        for version in self.versions:
            found = {row.feature: row for row in backend.inference.predict(version, [picture(tmp_path / "a.png")])}
            assert found["bright"].geometry == Box(LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP)
            assert found["bright"].confidence == 1.0
            assert found["dark"].geometry == Box(0, 0, WIDTH, HEIGHT)
            assert found["dark"].confidence == pytest.approx(1 - 450 / (WIDTH * HEIGHT))
            assert found["dark"].provenance.version == version

    def test_a_classifier_gives_every_class_its_probability(self, backend: Any, tmp_path: Path) -> None:
        (found,) = backend.inference.predict("classifier", [picture(tmp_path / "a.png")])
        assert (found.feature, found.geometry) == ("dark", Whole())
        assert found.class_pdf == pytest.approx({"dark": 0.6875, "bright": 0.3125})

    def test_predictions_come_in_the_order_of_the_items(self, backend: Any, tmp_path: Path) -> None:
        items = [picture(tmp_path / f"{number}.png") for number in range(20)]
        found = [row.item for row in backend.inference.predict("detector", items, confidence=0.99)]
        assert found == [item.key for item in items]

    def test_a_picture_that_cannot_be_decoded_names_its_row(self, backend: Any, tmp_path: Path) -> None:
        (tmp_path / "bad.png").write_text("no picture")
        items = [picture(tmp_path / "a.png"), Item("bad", uri=str(tmp_path / "bad.png"))]
        with pytest.raises(InvalidData, match="no picture") as caught:
            list(backend.inference.predict("detector", items))
        assert caught.value.row == 1

    def test_an_unloaded_model_answers_no_more_until_it_is_loaded(self, backend: Any, tmp_path: Path) -> None:
        backend.repository.unload("classifier")
        assert not backend.repository.ready("classifier")
        with pytest.raises(NotFound):
            list(backend.inference.predict("classifier", [picture(tmp_path / "a.png")]))
        backend.repository.load("classifier")
        assert backend.repository.ready("classifier")
        assert len(list(backend.inference.predict("classifier", [picture(tmp_path / "a.png")]))) == 1

    def test_what_is_not_in_the_repository_cannot_be_loaded(self, backend: Any) -> None:
        with pytest.raises(NotFound, match="nobody"):
            backend.repository.load("nobody")
