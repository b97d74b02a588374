"""Acme for Dragoman. Registering it imports nothing heavy."""

from dragoman import Platform, hookimpl


@hookimpl
def dragoman_platforms(register):
    """Register Acme."""
    register(
        Platform(
            name="acme",
            title="Acme",
            description="Acme: pictures with boxes and tags.",
            adapter="dragoman_acme.adapter:AcmeAdapter",
            settings="dragoman_acme.settings:AcmeSettings",
            emulator="dragoman_acme.emulator:create",
        )
    )
