"""catalog: the teas that there are, and the search over them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, HTTPException
from service import Pool, application, database, log_to_file, serve

NAME = "catalog"


def words(query: str) -> list[str]:
    """The words of a query as the index holds them: plain lower-case letters."""
    return query.encode("ascii").decode().lower().split()


def routes(app: FastAPI, pool: Pool) -> None:
    """Products, one product, search."""

    @app.get("/products")
    def products() -> list[dict[str, Any]]:
        with pool.connection() as connection:
            return connection.execute("SELECT id, name, origin, price, colour, note FROM products ORDER BY id").fetchall()

    @app.get("/products/{product}")
    def product(product: int) -> dict[str, Any]:
        with pool.connection() as connection:
            found = connection.execute(
                "SELECT id, name, origin, price, colour, note FROM products WHERE id = %s", (product,)
            ).fetchone()
        if found is None:
            raise HTTPException(404, "no such product")
        return found

    @app.get("/search")
    def search(q: str) -> list[dict[str, Any]]:
        with pool.connection() as connection:
            return connection.execute(
                "SELECT id, name, origin, price, colour, note FROM products WHERE words @> %s ORDER BY id", (words(q),)
            ).fetchall()


if __name__ == "__main__":
    log_to_file(NAME)
    catalog = application(NAME)
    routes(catalog, database(NAME))
    serve(catalog)
