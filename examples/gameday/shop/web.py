"""web: the pages that customers see."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import httpx
from fastapi import FastAPI, Form
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader
from service import application, log, log_to_file, serve, settings

NAME = "web"


class Pages:
    """The templates beside this file."""

    def __init__(self) -> None:
        self.templates = Environment(loader=FileSystemLoader(Path(__file__).with_name("pages")), autoescape=True)

    def show(self, name: str, code: int = 200, **values: Any) -> HTMLResponse:
        """One page."""
        return HTMLResponse(self.templates.get_template(f"{name}.html").render(values), code)

    def trouble(self, what: str, error: httpx.HTTPError) -> HTMLResponse:
        """An apology instead of the page."""
        log.error("%s failed: %s", what, error)
        return self.show("trouble", 502, what=what)


def routes(app: FastAPI, pages: Pages, timeout_s: float) -> None:
    """Home, search, a product, an order."""
    shelf = httpx.Client(base_url=os.environ["CATALOG_URL"], timeout=timeout_s)
    till = httpx.Client(base_url=os.environ["CHECKOUT_URL"], timeout=timeout_s)

    @app.get("/")
    def home() -> HTMLResponse:
        try:
            products = shelf.get("/products").raise_for_status().json()
        except httpx.HTTPError as error:
            return pages.trouble("showing our teas", error)
        return pages.show("list", title="Our teas", products=products, query="")

    @app.get("/search")
    def search(q: str = "") -> HTMLResponse:
        try:
            products = shelf.get("/search", params={"q": q}).raise_for_status().json()
        except httpx.HTTPError as error:
            return pages.trouble("searching", error)
        return pages.show("list", title=f"Teas for “{q}”", products=products, query=q)

    @app.get("/products/{product}")
    def product(product: int) -> HTMLResponse:
        try:
            found = shelf.get(f"/products/{product}").raise_for_status().json()
        except httpx.HTTPError as error:
            return pages.trouble("showing this tea", error)
        return pages.show("product", product=found)

    @app.post("/order")
    def order(
        product: Annotated[int, Form()],
        quantity: Annotated[int, Form()],
        email: Annotated[str, Form()],
        voucher: Annotated[str, Form()] = "",
    ) -> HTMLResponse:
        wanted = {"product": product, "quantity": quantity, "email": email, "voucher": voucher or None}
        try:
            made = till.post("/orders", json=wanted).raise_for_status().json()
        except httpx.HTTPError as error:
            return pages.trouble("taking your order", error)
        return pages.show("ordered", order=made)


if __name__ == "__main__":
    log_to_file(NAME)
    web = application(NAME)
    routes(web, Pages(), settings()["calls"]["timeout_s"])
    serve(web)
