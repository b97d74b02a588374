"""Acme over its emulator, held to Dragoman's conformance kit."""

from dragoman import conformance


class Acme(conformance.Subject):
    platform = "acme"


class TestContract(Acme, conformance.BaseContract): ...


class TestDatasets(Acme, conformance.BaseDatasets): ...


class TestLabels(Acme, conformance.BaseLabels): ...


class TestFidelity(Acme, conformance.BaseFidelity): ...


class TestFailures(Acme, conformance.BaseFailures): ...


class TestSecrets(Acme, conformance.BaseSecrets): ...
