"""`viam.app.v1.BillingService`: what an organisation owes. Nothing that it uses costs; it owes what it is charged."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from dragoman_viam.emulator.records import Invoice
from dragoman_viam.emulator.refusals import invalid, missing
from dragoman_viam.emulator.routes import Answer, Routes
from dragoman_viam.messages import modules

LONGEST = 1000
"""Characters of a description."""
CHUNK = 1 << 10
PAGE = (595, 842)
"""Points of a page of A4."""


class Billing(Routes):
    """The methods about usage and invoices. An invoice is paid when it was looked at as often as the settings say."""

    service = "billing"
    lists = frozenset({"GetInvoicePdf"})

    def GetCurrentMonthUsage(self, request: Any) -> Answer:
        """Say what this month has cost: nothing."""
        self.state.check_organization(request.org_id)
        start = self.state.clock.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return {"start_date": start, "end_date": (start + timedelta(days=32)).replace(day=1)}

    def GetOrgBillingInformation(self, request: Any) -> Answer:
        """Say how the organisation pays, of which nothing is known."""
        self.state.check_organization(request.org_id)
        return {}

    def GetInvoicesSummary(self, request: Any) -> Answer:
        """List the invoices of an organisation, the oldest first, after this look at them."""
        wanted = self.state.check_organization(request.org_id)
        held = [self._looked(one) for one in self.state.invoices.values() if one.organization == wanted]
        return {
            "outstanding_balance": sum(one.invoice_amount for one in held if one.status == "outstanding"),
            "invoices": held,
        }

    def ChargeOrganization(self, request: Any) -> Answer:
        """Charge an organisation, which makes an invoice."""
        owner, now = self.state.check_organization(request.org_id_to_charge), self.state.clock.now()
        if request.HasField("org_id_for_branding"):
            self.state.check_organization(request.org_id_for_branding)
        for name in ("subtotal", "tax"):
            if not (math.isfinite(getattr(request, name)) and getattr(request, name) >= 0):
                raise invalid(f"{name} is {getattr(request, name)}, and must be a sum of dollars", name)
        if len(request.description) > LONGEST:
            raise invalid(f"a description has {LONGEST} characters at most", "description")
        made = modules()["billing"].InvoiceSummary(
            id=self.state.new_id(),
            invoice_date=now,
            due_date=now,
            invoice_amount=request.subtotal + request.tax,
            status="payment_processing",
        )
        failure = self.state.take_payment_failure()
        self.state.invoices[made.id] = Invoice(made, owner, request.description, fails_with=failure)
        return {"invoice_id": made.id}

    def GetInvoicePdf(self, request: Any) -> Iterator[Answer]:
        """Return an invoice as a page of a PDF, in pieces."""
        wanted = self.state.check_organization(request.org_id)
        held = self.state.invoices.get(request.id)
        if held is None or held.organization != wanted:
            raise missing("invoice", request.id)
        page = _page(held)
        for place in range(0, len(page), CHUNK):
            yield {"chunk": page[place : place + CHUNK]}

    def _looked(self, held: Invoice) -> Any:
        """Return an invoice after one look more at it."""
        if held.message.status == "payment_processing" and held.asked >= self.state.settings.job_polls:
            paid = held.fails_with is None
            held.message.status = "paid" if paid else "outstanding"
            held.message.last_payment_failure_reason = held.fails_with or ""
            when = held.message.paid_date if paid else held.message.last_payment_failure_at
            when.FromDatetime(self.state.clock.now())
        held.asked += 1
        return held.message


def _page(held: Invoice) -> bytes:
    from PIL import Image, ImageDraw

    page = Image.new("L", PAGE, 255)
    text = f"Invoice {held.message.id}\n{held.message.invoice_amount:.2f} USD\n{held.description}"
    ImageDraw.Draw(page).text((50, 50), text.encode("ascii", "replace").decode(), fill=0)
    buffer = io.BytesIO()
    page.save(buffer, "PDF")
    return buffer.getvalue()
