"""Modules and their versions as the vendor's own client makes, fills, finds and deprecates them."""

from __future__ import annotations

from typing import Any

import pytest
from grpclib import Status
from grpclib.exceptions import GRPCError
from viam.app.viam_client import ViamClient
from viam.proto.app import Model, ModuleFileInfo, Visibility
from viam.proto.app.packages import PackageType
from viam_driving import driven, refused

from dragoman.emulate import Live

LINUX, MAC = "linux/amd64", "darwin/arm64"


def file(module: str, version: str, platform: str = LINUX) -> ModuleFileInfo:
    return ModuleFileInfo(module_id=module, version=version, platform=platform)


class TestModules:
    def test_they_are_made_described_and_listed(self, emulated: Live[Any]) -> None:
        key = emulated.state.organization.id
        model = Model(api="rdk:component:sensor", model="ours:meter:one")

        async def use(client: ViamClient) -> Any:
            app = client.app_client
            made, url = await app.create_module(key, "meter")
            changed = await app.update_module(made, "https://example.com", "reads", [model], "run.sh", public=True)
            await app.create_registry_item(key, "model", PackageType.PACKAGE_TYPE_ML_MODEL)
            return made, url, changed, await app.get_module(made), await app.list_modules(key)

        made, url, changed, module, listed = driven(emulated, use)
        assert made == f"{key}:meter"
        assert url == changed
        assert url.endswith(f"/{key}/meter")
        assert (module.name, module.url, module.description) == ("meter", "https://example.com", "reads")
        assert (module.visibility, list(module.models)) == (Visibility.VISIBILITY_PUBLIC, [model])
        assert listed == [module]

    def test_versions_come_in_the_order_of_their_numbers(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            app = client.app_client
            made, url = await app.create_module(emulated.state.organization.id, "meter")
            told = [await app.upload_module_file(file(made, one), b"x") for one in ("0.10.0", "0.9.0", "0.10.0-rc1")]
            await app.upload_module_file(file(made, "0.9.0", MAC), b"")
            return url, told, await app.get_module(made)

        url, told, module = driven(emulated, use)
        assert told == [url] * 3
        assert [(one.version, [held.platform for held in one.files]) for one in module.versions] == [
            ("0.9.0", [LINUX, MAC]),
            ("0.10.0-rc1", [LINUX]),
            ("0.10.0", [LINUX]),
        ]

    def test_a_version_is_deprecated_with_a_word_and_taken_back(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            app = client.app_client
            made, _ = await app.create_module(emulated.state.organization.id, "meter")
            await app.upload_module_file(file(made, "1.0.0"), b"x")
            await app.deprecate_registry_item(made, "use another")
            await app.deprecate_registry_item_version(made, "1.0.0", "broken")
            marked = await app.get_module(made)
            await app.undeprecate_registry_item(made)
            await app.undeprecate_registry_item_version(made, "1.0.0")
            with pytest.raises(GRPCError) as unknown:
                await app.deprecate_registry_item_version(made, "2.0.0", "broken")
            return marked, await app.get_module(made), unknown.value.status

        marked, after, unknown = driven(emulated, use)
        assert marked.deprecated_status.message == "use another"
        assert marked.deprecated_status.HasField("deprecated_at")
        assert marked.versions[0].deprecated_status.message == "broken"
        assert not after.HasField("deprecated_status")
        assert not after.versions[0].HasField("deprecated_status")
        assert unknown is Status.NOT_FOUND

    @pytest.mark.parametrize(
        ("version", "platform", "status"),
        [
            ("latest", LINUX, Status.INVALID_ARGUMENT),
            ("1.0.1", "", Status.INVALID_ARGUMENT),
            ("1.0.0", LINUX, Status.ALREADY_EXISTS),
        ],
    )
    def test_a_file_that_cannot_be_is_refused(
        self, emulated: Live[Any], version: str, platform: str, status: Status
    ) -> None:
        async def use(client: ViamClient) -> None:
            made, _ = await client.app_client.create_module(emulated.state.organization.id, "meter")
            await client.app_client.upload_module_file(file(made, "1.0.0"), b"x")
            await client.app_client.upload_module_file(file(made, version, platform), b"x")

        assert refused(emulated, use).status is status
        (item,) = emulated.state.items.values()
        assert [one.version for one in item.module_metadata.versions] == ["1.0.0"]

    @pytest.mark.parametrize("name", ["", "a b"])
    def test_a_bad_name_is_refused(self, emulated: Live[Any], name: str) -> None:
        key = emulated.state.organization.id
        refusal = refused(emulated, lambda client: client.app_client.create_module(key, name))
        assert refusal.status is Status.INVALID_ARGUMENT

    def test_a_model_is_no_module(self, emulated: Live[Any]) -> None:
        key = emulated.state.organization.id

        async def use(client: ViamClient) -> None:
            await client.app_client.create_registry_item(key, "model", PackageType.PACKAGE_TYPE_ML_MODEL)
            await client.app_client.get_module(f"{key}:model")

        assert refused(emulated, use).status is Status.NOT_FOUND
