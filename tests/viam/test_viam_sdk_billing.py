"""What an organisation owes, as the vendor's own client asks for it and charges it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from grpclib import Status
from viam.app.viam_client import ViamClient
from viam_driving import driven, refused

from dragoman.emulate import Live, ManualClock, running
from dragoman_viam.emulator import create


async def charged(client: ViamClient, key: str, subtotal: float = 9.5, tax: float = 0.5, **options: Any) -> str:
    return (await client.billing_client.charge_organization(key, subtotal, tax, **options)).invoice_id


def test_a_charge_is_processed_then_paid(emulated: Live[Any]) -> None:
    key, emulated.settings.job_polls = emulated.state.organization.id, 1

    async def use(client: ViamClient) -> Any:
        made = await charged(client, key, description="Höhe", org_id_for_branding=key)
        seen = [(await client.billing_client.get_invoices_summary(key)).invoices[0] for _ in range(3)]
        assert {one.id for one in seen} == {made}
        assert [one.HasField("paid_date") for one in seen] == [False, True, True]
        assert {one.invoice_amount for one in seen} == {10.0}
        return [one.status for one in seen]

    assert driven(emulated, use) == ["payment_processing", "paid", "paid"]


def test_a_charge_that_fails_is_outstanding(emulated: Live[Any]) -> None:
    key = emulated.state.organization.id
    emulated.state.fail_next_payment("card_declined")

    async def use(client: ViamClient) -> Any:
        await charged(client, key)
        await charged(client, key, 1, 0)
        return await client.billing_client.get_invoices_summary(key)

    summary = driven(emulated, use)
    assert [one.status for one in summary.invoices] == ["outstanding", "paid"]
    assert summary.invoices[0].last_payment_failure_reason == "card_declined"
    assert summary.outstanding_balance == 10.0


def test_an_invoice_is_a_pdf(emulated: Live[Any], tmp_path: Path) -> None:
    key, path = emulated.state.organization.id, tmp_path / "invoice.pdf"

    async def use(client: ViamClient) -> None:
        made = await charged(client, key, description="Höhe\n" * 20)
        await client.billing_client.get_invoice_pdf(made, key, str(path))

    driven(emulated, use)
    content = path.read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")


def test_an_invoice_is_one_organisations(emulated: Live[Any], tmp_path: Path) -> None:
    key, other = emulated.state.organization.id, emulated.state.add_organization("other").id

    async def use(client: ViamClient) -> None:
        made = await charged(client, key)
        assert list((await client.billing_client.get_invoices_summary(other)).invoices) == []
        await client.billing_client.get_invoice_pdf(made, other, str(tmp_path / "none"))

    assert refused(emulated, use).status is Status.NOT_FOUND


def test_a_month_ends_where_the_next_begins_and_costs_nothing() -> None:
    with running(create(clock=ManualClock(datetime(2024, 12, 31, 12, tzinfo=UTC)))) as live:
        key = live.state.organization.id
        usage = driven(live, lambda client: client.billing_client.get_current_month_usage(key))
    assert usage.start_date.ToDatetime() == datetime(2024, 12, 1)
    assert usage.end_date.ToDatetime() == datetime(2025, 1, 1)
    assert (usage.subtotal, list(usage.resource_usage_costs_by_source)) == (0, [])


def test_no_means_of_payment_is_known(emulated: Live[Any]) -> None:
    key = emulated.state.organization.id
    told = driven(emulated, lambda client: client.billing_client.get_org_billing_information(key))
    assert (told.type, told.billing_email, told.HasField("method")) == (0, "", False)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"subtotal": -1.0}, Status.INVALID_ARGUMENT),
        ({"tax": float("nan")}, Status.INVALID_ARGUMENT),
        ({"description": "x" * 1001}, Status.INVALID_ARGUMENT),
        ({"org_id_for_branding": "none"}, Status.PERMISSION_DENIED),
        ({"key": "none"}, Status.PERMISSION_DENIED),
    ],
)
def test_a_charge_that_cannot_be_is_refused(emulated: Live[Any], change: dict[str, Any], status: Status) -> None:
    wanted = {"key": emulated.state.organization.id, **change}
    assert refused(emulated, lambda client: charged(client, **wanted)).status is status
    assert emulated.state.invoices == {}
