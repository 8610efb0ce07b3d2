"""Routes of the reference; without a key."""

from litestar import Controller, Response, get

from control_plane.reference.pages import page, script, spelled_document


class ReferenceController(Controller):
    """/v1/openapi.json and /docs"""

    @get("/v1/openapi.json", operation_id="getOpenApiDocument", opt={"answer": dict, "right": "public"})
    async def document(self) -> Response[bytes]:
        return spelled_document()

    @get("/docs", operation_id="reference", opt={"right": "public"})
    async def page(self) -> Response[bytes]:
        return page()

    @get("/docs/redoc.js", operation_id="referenceScript", opt={"right": "public"})
    async def script(self) -> Response[bytes]:
        return script()
