"""Audio and texts as the vendor's own SDK uploads and labels them, over the emulator."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import pytest
from encord.exceptions import EncordException
from encord.objects import OntologyStructure, Shape
from encord.objects.coordinates import AudioCoordinates, TextCoordinates
from encord.objects.frames import Range
from encord.orm.storage import CustomerProvidedAudioMetadata, DataUploadAudio, DataUploadItems, StorageItemType

RATE = 8000


@pytest.fixture
def held(sdk: Any, backend: Any) -> Any:
    """An empty dataset with a folder of its own, in a project that knows words and sounds."""
    held = sdk.get_dataset(backend.datasets.create("held").id)
    structure = OntologyStructure()
    structure.add_object("bark", Shape.AUDIO)
    structure.add_object("word", Shape.TEXT)
    ontology = sdk.create_ontology("held", structure=structure)
    sdk.create_project("held", [held.dataset_hash], ontology_hash=ontology.ontology_hash)
    return held


@pytest.fixture
def folder(sdk: Any, held: Any) -> Any:
    """The dataset's folder."""
    return sdk.get_storage_folder(held.backing_folder_uuid)


@pytest.fixture
def project(sdk: Any, held: Any) -> Any:
    """The project of the dataset."""
    (found,) = sdk.list_projects(title_eq="held")
    return found


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """One second of silence in stereo."""
    path = tmp_path / "silence.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(bytes(4 * RATE))
    return path


def labelled(project: Any, feature: str, coordinates: Any) -> Any:
    """Label the project's only row and return its objects as they are read again."""
    (row,) = project.list_label_rows_v2()
    row.initialise_labels()
    instance = project.ontology_structure.get_child_by_title(feature).create_instance()
    instance.set_for_frames(coordinates)
    row.add_object_instance(instance)
    row.save()
    (again,) = project.list_label_rows_v2()
    again.initialise_labels()
    return [one.get_annotations()[0].coordinates for one in again.get_object_instances()]


def test_a_recording_is_looked_into_and_labelled(sdk: Any, folder: Any, project: Any, recording: Path) -> None:
    item = sdk.get_storage_item(folder.upload_audio(recording))
    assert (item.item_type, item.duration, item.audio_codec) == (StorageItemType.AUDIO, 1.0, "pcm_s16le")
    assert (item.audio_sample_rate, item.audio_bit_depth, item.audio_num_channels) == (RATE, 16, 2)
    (row,) = project.list_label_rows_v2()
    assert (row.duration, row.number_of_frames, row.audio_sample_rate) == (1.0, RATE, RATE)
    part = AudioCoordinates(range=[Range(0, 500)])
    assert labelled(project, "bark", part) == [part]


@pytest.mark.parametrize(("name", "kind"), [("note.txt", "text/plain"), ("page.html", "text/html")])
def test_a_text_is_of_the_kind_that_its_name_says(sdk: Any, folder: Any, tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / name
    path.write_text("Größe 🦊", encoding="utf-8")
    assert sdk.get_storage_item(folder.upload_text(path)).mime_type == kind


def test_words_of_a_text_are_labelled(folder: Any, project: Any, tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("a fox", encoding="utf-8")
    folder.upload_text(path)
    fox = TextCoordinates(range=[Range(2, 5)])
    assert labelled(project, "word", fox) == [fox]


def test_what_is_no_recording_or_text_is_refused(folder: Any, tmp_path: Path) -> None:
    path = tmp_path / "broken.txt"
    path.write_bytes(b"\xff\xfe\xff")
    for upload in (folder.upload_audio, folder.upload_text):
        with pytest.raises(EncordException, match="The file is no"):
            upload(path)


def test_facts_about_recordings_behind_urls_are_those_that_are_given(sdk: Any, folder: Any, held: Any) -> None:
    facts = CustomerProvidedAudioMetadata(
        duration=2.0, file_size=9, mime_type="audio/mp3", sample_rate=RATE, bit_depth=8, codec="mp3", num_channels=1
    )
    audio = DataUploadAudio(object_url="https://example.com/a.mp3", audio_metadata=facts)
    (integration,) = sdk.get_cloud_integrations()
    job = folder.add_private_data_to_folder_start(integration.id, DataUploadItems(audio=[audio]))
    folder.add_private_data_to_folder_get_result(job)
    (row,) = held.list_data_rows()
    assert (row.title, row.file_size, row.file_type) == ("a.mp3", 9, "audio/mp3")


def test_the_backend_reads_images_beside_them(
    backend: Any, held: Any, folder: Any, recording: Path, pictures: Any
) -> None:
    folder.upload_audio(recording)
    folder.upload_image(pictures[0].uri)
    read = backend.datasets.read_items(held.dataset_hash)
    assert [(item.key, item.media) for item in read] == [("silence.wav", "audio"), ("a.png", "image")]
