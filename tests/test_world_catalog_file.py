"""The service catalog from files: our own YAML, and Backstage's entities written from its descriptor format's documentation."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from nexus.errors import WorldError
from nexus.world.catalog import EndpointSpec, Objective, Service
from nexus.world.catalog_file import read_catalog
from nexus.world.catalog_file.backstage import ANNOTATIONS, PREFIX
from nexus.world.catalog_file.openapi import endpoints_of

PAGE = Path(__file__).parents[1] / "docs" / "catalog.md"

OWN = """
services:
  - name: checkout
    owner: payments-team
    tier: 1
    feature: core
    calls: [orders-db]
    revenue_per_hour: 45000
    url: https://shop.example.com
    endpoints: [{path: /health, latency_ms: 200}]
    openapi: checkout.yaml
    objectives:
      - {kind: errors, at_most: 0.02, severity: critical}
      - {kind: saturation, metric: cpu_pct, at_most: 90, for_minutes: 10}
  - {name: orders-db, kind: database, personal_data: true}
"""
OPENAPI = """
openapi: 3.1.0
info: {title: Checkout, version: "1"}
servers: [{url: "https://shop.example.com/{stage}", variables: {stage: {default: v1}}}]
paths:
  /carts/{cart}:
    parameters: [{$ref: "#/components/parameters/Cart"}]
    get: {x-nexus-latency-ms: 300, responses: {}}
    delete: {responses: {}}
  /rates:
    get:
      parameters:
        - {name: to, in: query, required: true, schema: {type: string, examples: ["de/be", fr]}}
        - {name: page, in: query, schema: {type: integer, example: 2}}
      responses: {}
  /orders/{order}:
    get: {parameters: [{name: order, in: path, required: true, schema: {type: string}}], responses: {}}
  /secret:
    get: {parameters: [{name: x-key, in: header, required: true, schema: {type: string}}], responses: {}}
components:
  parameters:
    Cart: {name: cart, in: path, required: true, schema: {type: string}, examples: {one: {value: a b}}}
"""
BACKSTAGE = """
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: checkout
  annotations:
    github.com/project-slug: shop/checkout
    nexus.dev/revenue-per-hour: "45000"
    nexus.dev/personal-data: "true"
    nexus.dev/url: https://shop.example.com
    nexus.dev/objectives: "[{kind: latency, at_most: 800}]"
spec:
  type: service
  lifecycle: production
  owner: group:default/payments-team
  system: shop
  providesApis: [checkout-api]
  consumesApis: [cart-api]
  dependsOn: ["resource:default/orders-db", "component:mailer", "system:shop"]
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: cart}
spec: {type: service, lifecycle: experimental, owner: shopping, providesApis: [cart-api], system: shop}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: words}
spec: {type: library, lifecycle: production, owner: shopping}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: web}
spec: {type: website, lifecycle: production, owner: web-team, dependsOn: ["api:default/checkout-api"]}
---
apiVersion: backstage.io/v1alpha1
kind: Resource
metadata: {name: orders-db}
spec: {type: postgres-cluster, system: shop, dependencyOf: ["component:default/cart"]}
---
apiVersion: backstage.io/v1alpha1
kind: System
metadata: {name: shop, annotations: {nexus.dev/tier: "1", nexus.dev/feature: core}}
spec: {owner: shop-people}
---
apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: checkout-api}
spec: {type: openapi, lifecycle: production, owner: payments-team, definition: {$text: ./checkout.yaml}}
---
apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: cart-api}
spec:
  type: openapi
  lifecycle: production
  owner: shopping
  definition: |
    openapi: 3.0.0
    paths: {/cart: {get: {responses: {}}}}
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: payments-team}
spec: {type: team, children: []}
"""
FOUND = [
    EndpointSpec(path="/v1/carts/a%20b", latency_ms=300),
    EndpointSpec(path="/v1/rates?to=de%2Fbe"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "checkout.yaml").write_text(OPENAPI)
    return tmp_path


def written(folder: Path, text: str, name: str = "catalog.yaml") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_our_own_file_is_read_with_the_endpoints_of_its_openapi(folder: Path) -> None:
    checkout, database = read_catalog(written(folder, OWN)).services
    assert checkout.endpoints == (EndpointSpec(path="/health", latency_ms=200), *FOUND)
    assert (checkout.tier, checkout.revenue_per_hour, checkout.url) == (1, 45000, "https://shop.example.com")
    assert checkout.objectives[0] == Objective(kind="errors", at_most=0.02, severity="critical")
    assert (database.kind, database.personal_data) == ("database", True)


def test_backstages_entities_become_services_with_their_calls(folder: Path) -> None:
    catalog = read_catalog(written(folder, BACKSTAGE))
    checkout, cart, web, database = catalog.services
    assert (checkout.owner, checkout.tier, checkout.feature) == ("payments-team", 1, "core")
    assert (checkout.revenue_per_hour, checkout.personal_data) == (45000, True)
    assert checkout.calls == ("orders-db", "mailer", "cart")
    assert list(checkout.endpoints) == FOUND
    assert checkout.objectives == (Objective(kind="latency", at_most=800),)
    assert (cart.calls, cart.tier, cart.endpoints) == (("orders-db",), 1, (EndpointSpec(path="/cart"),))
    assert (web.kind, web.calls, web.tier) == ("frontend", ("checkout",), 2)
    assert (database.kind, database.owner) == ("database", "shop-people")


def test_a_location_leads_to_the_files_that_it_names(folder: Path) -> None:
    (folder / "services" / "checkout").mkdir(parents=True)
    (folder / "services" / "checkout" / "checkout.yaml").write_text(OPENAPI)
    written(folder / "services" / "checkout", BACKSTAGE, "catalog-info.yaml")
    location = "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: all}\nspec: {targets: [%s]}\n"
    names = [s.name for s in read_catalog(written(folder, location % "./services/*/catalog-info.yaml"))]
    assert names == ["checkout", "cart", "web", "orders-db"]
    with pytest.raises(WorldError, match=r"Location all: spec.targets: https://x.example/c.yaml is not on this disk"):
        read_catalog(written(folder, location % "https://x.example/c.yaml"))
    with pytest.raises(WorldError, match=r"there is no .*gone.yaml"):
        read_catalog(written(folder, location % "./gone.yaml"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("services: [{name: a, teir: 1}]", r"services.0 \(a\): teir: .*an entry has name, .*openapi"),
        ("services: [{name: a, tier: 9}]", r"services.0 \(a\): tier: .*less than or equal to 4"),
        ("services: [{owner: a}]", r"services.0 \(without a name\): name: Field required"),
        ("services: [{name: a}, {name: a}]", "two entries are named a"),
        ("services: [3]", "services.0: is not a mapping"),
        ("services: {}", "services: is not a list"),
        ("services: []", "lists no service"),
        ("services: [{name: ''}]", "name: String should have at least 1 character"),
        ("services: []\nteams: []", "teams: a catalog has no such field"),
        ("services: []\n---\nservices: []", "holds 2 documents"),
        ("things: []", "is no catalog"),
        ("services: [", "is not YAML"),
        ("services: [{name: a, url: ftp://x}]", "url: is no http or https address"),
        ("services: [{name: a, url: 'https://me:word@x'}]", "url: an address holds no user and no password"),
        ("services: [{name: a, endpoints: [{path: health}]}]", "'health' does not begin with /"),
        ("services: [{name: a, openapi: gone.yaml}]", "there is no .*gone.yaml"),
        ("services: [{name: a, openapi: catalog.yaml}]", "is no OpenAPI definition"),
        ("services: [{name: a, objectives: [{kind: errors}]}]", "objectives.0: an objective has either"),
        ("services: [{name: a, objectives: [{kind: errors, at_most: 2}]}]", "errors is a share"),
        ("services: [{name: a, objectives: [{kind: saturation, at_most: 90}]}]", "saturation needs `metric`"),
    ],
)
def test_what_is_wrong_is_told_with_entry_and_field(folder: Path, text: str, told: str) -> None:
    with pytest.raises(WorldError, match=told) as caught:
        read_catalog(written(folder, text))
    assert "catalog.yaml" in str(caught.value)
    assert "word@" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("nexus.dev/url", "nexus.dev/address"), "metadata.annotations.nexus.dev/address: there is no such annotation"),
        (('nexus.dev/tier: "1"', 'nexus.dev/tier: "one"'), "Component checkout: tier: "),
        (('"[{kind: latency, at_most: 800}]"', '"[{"'), "nexus.dev/objectives: is not YAML"),
        (("./checkout.yaml", "https://x.example/o.yaml"), "API checkout-api: spec.definition: is neither"),
        (("openapi: 3.0.0", "asyncapi: 3.0.0"), "API cart-api: spec.definition: .*is no OpenAPI definition"),
        (('["component:default/cart"]', "cart"), "Resource orders-db: spec.dependencyOf: is not a list"),
        (("metadata: {name: cart}", "metadata: {}"), "document 2: metadata.name: is missing"),
    ],
)
def test_what_is_wrong_in_backstages_file_is_told_with_entity_and_field(folder: Path, change: tuple[str, str], told: str) -> None:
    assert change[0] in BACKSTAGE
    with pytest.raises(WorldError, match=told):
        read_catalog(written(folder, BACKSTAGE.replace(*change)))


def test_swagger_2_is_read_with_its_base_path() -> None:
    found = endpoints_of({"swagger": "2.0", "basePath": "/api", "paths": {"/x": {"get": {}, "head": {}, "post": {}}}})
    assert [(e.method, e.path) for e in found] == [("GET", "/api/x"), ("HEAD", "/api/x")]


def test_an_endpoint_that_needs_what_the_definition_does_not_hold_is_left_out() -> None:
    definition = {
        "openapi": "3.0.0",
        "paths": {
            "/a": {"get": {"parameters": [{"$ref": "other.yaml#/P"}]}},
            "/b": {"$ref": "#/nowhere"},
            "/c": {"$ref": "#/x/loop"},
            "/d": {"get": {"parameters": [{"name": "on", "in": "query", "required": True, "example": True}]}},
        },
        "x": {"loop": {"$ref": "#/x/loop"}},
    }
    assert [e.path for e in endpoints_of(definition)] == ["/d?on=true"]


def test_the_page_shows_catalogs_that_can_be_read_and_names_every_field(folder: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    blocks = page.split("```yaml\n")[1:]
    own, backstage = (written(folder, block.split("```")[0], f"{n}.yaml") for n, block in enumerate(blocks[:2]))
    (folder / "api").mkdir()
    for name in ("checkout.yaml", "cart.yaml"):
        (folder / "api" / name).write_text(OPENAPI)
    assert len(read_catalog(own).services) >= 3
    assert len(read_catalog(backstage).services) >= 2
    assert not [
        name for name in (*Service.model_fields, *EndpointSpec.model_fields, *Objective.model_fields) if f"`{name}`" not in page
    ]
    assert not [name for name in ANNOTATIONS if f"`{PREFIX}{name}`" not in page]
    assert len(list(YAML(typ="safe").load_all(own.read_text()))) == 1
