"""A tiny Acme: albums, pictures and marks in memory, behind a token."""

import base64
import secrets

import msgspec
from starlette.responses import Response
from starlette.routing import Router

from dragoman.emulate import Emulation
from dragoman.emulate.app import ApiError, route


class Acme:
    """The state, and the handlers of all routes."""

    def __init__(self):
        self.token = f"token-{secrets.token_hex(8)}"
        self.albums, self.pictures, self.marks, self.files = {}, {}, {}, {}

    async def add(self, request):
        album = {**await self.asked(request), "id": f"album-{len(self.albums) + 1}"}
        self.albums[album["id"]], self.pictures[album["id"]], self.marks[album["id"]] = album, {}, {}
        return album

    async def list(self, request):
        self.check(request)
        return page(self.albums.values(), request.query_params)

    async def show(self, request):
        return self.albums[self.album(request)]

    async def list_pictures(self, request):
        return page(self.pictures[self.album(request)].values(), request.query_params)

    async def put_picture(self, request):
        body, held = await self.asked(request), self.pictures[self.album(request)]
        key, file = body["facts"]["key"], secrets.token_hex(8)
        status = put(held, key, {"file": file, "facts": body["facts"]}, body["update"])
        self.files[file] = base64.b64decode(body["media"])
        return {"status": status}

    async def put_marks(self, request):
        body, album = await self.asked(request), self.album(request)
        return [self.put_mark(album, mark, body["update"]) for mark in body["marks"]]

    def put_mark(self, album, mark, update):
        if mark["picture"] not in self.pictures[album]:
            return {"status": "rejected", "reason": f"there is no picture {mark['picture']!r}"}
        return {"status": put(self.marks[album], mark["id"], mark, update)}

    async def search(self, request):
        body, album = await self.asked(request), self.album(request)
        wanted = body["pictures"] or self.pictures[album]
        if unknown := set(wanted) - set(self.pictures[album]):
            raise ApiError(404, f"there is no picture {min(unknown)!r}")
        return page([mark for mark in self.marks[album].values() if mark["picture"] in wanted], body)

    async def file(self, request):
        return Response(self.files[request.path_params["file"]])

    async def asked(self, request):
        self.check(request)
        return msgspec.json.decode(await request.body())

    def album(self, request):
        self.check(request)
        if request.path_params["album"] not in self.albums:
            raise ApiError(404, "there is no such album")
        return request.path_params["album"]

    def check(self, request):
        if request.headers.get("authorization") != f"Bearer {self.token}":
            raise ApiError(401, "who are you?")


def put(held, key, thing, update):
    status = ("updated" if update else "ignored") if key in held else "created"
    if status != "ignored":
        held[key] = thing
    return status


def page(found, asked):
    start, end = int(asked["after"]), int(asked["after"]) + int(asked["count"])
    return {"found": list(found)[start:end], "next": str(end) if end < len(found) else None}


def create():
    """Make an empty Acme."""
    acme = Acme()
    routes = [
        route("POST", "/albums", acme.add),
        route("GET", "/albums", acme.list),
        route("GET", "/albums/{album}", acme.show),
        route("GET", "/albums/{album}/pictures", acme.list_pictures),
        route("POST", "/albums/{album}/pictures", acme.put_picture),
        route("POST", "/albums/{album}/marks", acme.put_marks),
        route("POST", "/albums/{album}/marks/search", acme.search),
        route("GET", "/files/{file}", acme.file),
    ]
    return Emulation(platform="acme", app=Router(routes), credentials={"token": acme.token}, state=acme)
