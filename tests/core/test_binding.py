"""What becomes of an exception of a vendor: one of our errors, with its cause, and without a secret in it."""

from __future__ import annotations

import base64

import pytest
from calling import READ, SECRET, Clock, failing, make

from dragoman import (
    AuthenticationError,
    Conflict,
    DragomanError,
    InvalidData,
    NotFound,
    PermissionDenied,
    PlatformError,
    RateLimited,
    Timeout,
    Unavailable,
)
from dragoman.calls.binding import bind, from_status
from dragoman.calls.pipeline import Pipeline
from dragoman.calls.scrub import Scrubber

# -- binding ----------------------------------------------------------------------------------------------------------


class VendorError(Exception):
    pass


class VendorGone(VendorError):
    pass


class VendorVanished(VendorGone):
    pass


TABLE = {VendorError: lambda error: PlatformError("general"), VendorGone: lambda error: NotFound("special")}


@pytest.mark.parametrize(
    ("vendor", "ours", "message"),
    [
        (VendorError("x"), PlatformError, "general"),
        (VendorGone("x"), NotFound, "special"),
        (VendorVanished("x"), NotFound, "special"),
        (KeyError("x"), PlatformError, "KeyError: 'x'"),
    ],
)
def test_the_most_specific_class_of_the_table_decides(
    clock: Clock, vendor: Exception, ours: type[DragomanError], message: str
) -> None:
    with pytest.raises(ours) as caught:
        make(clock, errors=TABLE).call(READ, failing(vendor))

    assert caught.value.message == message
    assert caught.value.__cause__ is vendor
    assert (caught.value.platform, caught.value.operation) == ("acme", "models.get")


@pytest.mark.parametrize("begun", [True, False])
def test_what_was_sent_before_an_exception_is_known_of_its_error(begun: bool) -> None:
    error = VendorError("x")
    if begun:
        error.maybe_applied = True  # type: ignore[attr-defined]

    assert bind(error, TABLE, Scrubber([])).maybe_applied is begun


def test_one_of_ours_passes_as_it_is_and_keeps_what_it_knows(pipeline: Pipeline) -> None:
    ours = NotFound("gone", platform="other", operation="datasets.get", row=3)

    with pytest.raises(NotFound) as caught:
        pipeline.call(READ, failing(ours))

    assert caught.value is ours
    assert (ours.platform, ours.operation, ours.row) == ("other", "datasets.get", 3)


@pytest.mark.parametrize(
    ("status", "kind", "open_end"),
    [
        (400, InvalidData, False),
        (401, AuthenticationError, False),
        (403, PermissionDenied, False),
        (404, NotFound, False),
        (408, Timeout, True),
        (409, Conflict, False),
        (410, NotFound, False),
        (413, InvalidData, False),
        (418, PlatformError, False),
        (422, InvalidData, False),
        (429, RateLimited, False),
        (500, Unavailable, True),
        (502, Unavailable, True),
        (503, Unavailable, True),
        (504, Timeout, True),
    ],
)
def test_every_http_status_has_its_error(status: int, kind: type[DragomanError], open_end: bool) -> None:
    error = from_status(status, "said so", retry_after=3.0, request_id="r-1")

    assert type(error) is kind
    assert error.maybe_applied is open_end
    assert (error.message, error.retry_after, error.request_id) == ("said so", 3.0, "r-1")


# -- secrets ----------------------------------------------------------------------------------------------------------


class Leaky(Exception):
    """A vendor's exception that keeps the key where it can."""

    def __init__(self) -> None:
        super().__init__(f"refused: key={SECRET}", 7)
        self.url = f"https://{SECRET}@acme.example/"
        self.status = 500


def test_a_secret_is_in_no_part_of_an_error(clock: Clock) -> None:
    def translate() -> None:
        try:
            raise ValueError(f"deep {SECRET}")
        except ValueError as deep:
            try:
                raise KeyError(f"middle {SECRET}") from deep
            except KeyError:
                raise Leaky from None

    with pytest.raises(PlatformError) as caught:
        make(clock, errors={Leaky: lambda error: PlatformError(str(error), hint=f"try {error.url}")}).call(
            READ, translate
        )

    error, cause = caught.value, caught.value.__cause__
    assert isinstance(cause, Leaky)
    chain = [error, cause, cause.__context__, cause.__context__.__cause__]
    assert [type(link).__name__ for link in chain] == ["PlatformError", "Leaky", "KeyError", "ValueError"]
    for link in chain:
        assert SECRET not in f"{link} {link!r} {vars(link)}"
        assert "***" in str(link)
    assert cause.url == "https://***@acme.example/"
    assert cause.status == 500
    assert SECRET not in str(error.to_dict())


def test_a_secret_in_one_of_our_own_errors_is_taken_out_too(pipeline: Pipeline) -> None:
    with pytest.raises(InvalidData) as caught:
        pipeline.call(READ, failing(InvalidData(f"bad {SECRET}", hint=f"not {SECRET}")))

    assert str(caught.value) == "acme models.get: bad *** not ***"
    assert caught.value.args == ("bad ***",)


def test_a_secret_inside_of_another_leaves_no_rest() -> None:
    assert Scrubber(["key", "key-and-more", ""]).text("key-and-more, key") == "***, ***"


def test_a_blank_secret_is_none_and_leaves_texts_as_they_are() -> None:
    assert Scrubber([" ", "\n"]).text("refused: who are you?\n") == "refused: who are you?\n"


def test_an_exception_whose_attribute_cannot_be_set_is_cleaned_all_the_same() -> None:
    class Guarded(Exception):
        def __init__(self) -> None:
            super().__init__("guarded")
            vars(self)["url"] = SECRET

        @property
        def url(self) -> str:
            return str(vars(self)["url"])

    error = Guarded()
    bind(error, {}, Scrubber([SECRET]))

    assert error.url == "***"


def test_a_chain_that_bites_its_tail_ends() -> None:
    first, second = ValueError(SECRET), KeyError(SECRET)
    first.__cause__, second.__cause__ = second, first

    Scrubber([SECRET]).exception(first)

    assert (first.args, second.args) == (("***",), ("***",))


def test_without_secrets_nothing_is_touched() -> None:
    text = base64.b64encode(b"anything").decode()

    assert Scrubber([]).text(text) == text
