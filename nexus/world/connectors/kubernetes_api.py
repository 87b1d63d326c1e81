"""Cluster: a Kubernetes cluster through its official client, in threads, with time limits; objects are the API's own JSON."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import urllib3
import yaml  # type: ignore[import-untyped]  # comes with the client
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from nexus.errors import Unavailable

Json = dict[str, Any]
PAGE = 500
PATIENCE = (3.05, 15.0)
"""Seconds to connect, and to answer."""
OURS = "nexus-incident-response"
"""Who changed a field, as the cluster keeps it."""

Kind = Literal["deployment", "stateful_set", "replica_set", "pod", "config_map"]
Changeable = Literal["deployment", "stateful_set"]
_API = {"pod": "CoreV1Api", "config_map": "CoreV1Api"}


class Refused(Unavailable):
    """The cluster answered, and said no; `status` is its HTTP status."""

    def __init__(self, what: str, remedy: str, status: int) -> None:
        super().__init__(what, remedy)
        self.status = status


class NotReached(Unavailable):
    """No connection was made: what was asked certainly did not arrive."""


class Cluster:
    """One cluster; the client is made at its first use. Raises Unavailable where it does not answer or says no."""

    def __init__(self, name: str, kubeconfig: Path | None, context: str, *, in_cluster: bool) -> None:
        self.name = name
        self._kubeconfig = kubeconfig
        self._context = context or None
        self._in_cluster = in_cluster
        self._client: client.ApiClient | None = None
        self._making = threading.Lock()

    async def close(self) -> None:
        """Let go of its connections; used again, it opens new ones."""
        held, self._client = self._client, None
        if held is not None:
            await asyncio.to_thread(held.close)

    async def listed(self, kind: Kind, namespace: str) -> list[Json]:
        """Every object of that kind in a namespace."""
        return await self._all(_API.get(kind, "AppsV1Api"), f"list_namespaced_{kind}", namespace=namespace)

    async def nodes(self) -> list[Json]:
        """Every node."""
        return await self._all("CoreV1Api", "list_node")

    async def usage(self) -> list[Json] | None:
        """What nodes use, by the metrics API; None where the cluster has none."""
        try:
            return await self._all("CustomObjectsApi", "list_cluster_custom_object", "metrics.k8s.io", "v1beta1", "nodes")
        except Refused as refused:
            if refused.status in {404, 503}:
                return None
            raise

    async def read(self, kind: Changeable, namespace: str, name: str) -> Json:
        """One object."""
        return await self._asked("AppsV1Api", f"read_namespaced_{kind}", name, namespace)

    async def patch(self, kind: Changeable, namespace: str, name: str, body: Json | list[Json], *, dry: bool) -> Json:
        """The object as a patch leaves it: a list is a JSON patch, an object is merged. `dry`: tried by the server, not kept."""
        more = {"dry_run": "All"} if dry else {}
        return await self._asked("AppsV1Api", f"patch_namespaced_{kind}", name, namespace, body, field_manager=OURS, **more)

    async def _all(self, api: str, method: str, *given: str, **named: str) -> list[Json]:
        found: list[Json] = []
        more: dict[str, Any] = {}
        while True:
            told = await self._asked(api, method, *given, **named, limit=PAGE, **more)
            found += told.get("items") or []
            follows = (told.get("metadata") or {}).get("continue")
            if not follows:
                return found
            more = {"_continue": follows}

    async def _asked(self, api: str, method: str, *given: Any, **named: Any) -> Json:
        return await asyncio.to_thread(self._ask, api, method, given, named)

    def _ask(self, api: str, method: str, given: tuple[Any, ...], named: dict[str, Any]) -> Json:
        asks: Callable[..., Any] = getattr(getattr(client, api)(self._made()), method)
        try:
            told: Json = json.loads(asks(*given, **named, _preload_content=False, _request_timeout=PATIENCE).data)
        except ApiException as error:
            raise self._refused(error, method) from error
        except urllib3.exceptions.HTTPError as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError):
                raise NotReached(f"{self.name} cannot be reached", "check the kubeconfig and the network") from error
            raise Unavailable(
                f"{self.name} does not answer ({type(reason).__name__})", "check that its API server runs"
            ) from error
        except ValueError as error:
            raise Unavailable(
                f"{self.name} answers with no JSON", "check the kubeconfig: something else may answer there"
            ) from error
        return told

    def _refused(self, error: ApiException, method: str) -> Unavailable:
        status = int(error.status or 0)
        if status == 0:
            return NotReached(f"{self.name} cannot be spoken to ({str(error.reason).splitlines()[0]})", "check its certificates")
        said = _message(error.body)
        if status in {401, 403}:
            return Refused(f"{self.name} refuses us ({status}{said})", "docs/kubernetes.md has the roles that it needs", status)
        return Refused(f"{self.name} answers {status} to {method}{said}", "look at the cluster", status)

    def _made(self) -> client.ApiClient:
        with self._making:
            if self._client is None:
                self._client = self._new()
            return self._client

    def _new(self) -> client.ApiClient:
        try:
            if self._in_cluster:
                found = client.Configuration()
                config.load_incluster_config(client_configuration=found)  # type: ignore[no-untyped-call]
                return client.ApiClient(found)
            path = None if self._kubeconfig is None else str(self._kubeconfig)
            made: client.ApiClient = config.new_client_from_config(path, self._context, persist_config=False)  # type: ignore[no-untyped-call]
        except (config.ConfigException, OSError, yaml.YAMLError) as error:
            why = str(error).splitlines()[0][:160]
            raise NotReached(f"{self.name}: there is no usable kubeconfig ({why})", "set kubeconfig and context") from error
        return made


def _message(body: Any) -> str:
    """What the cluster said, from its Status object."""
    try:
        said = json.loads(body).get("message", "")
    except (ValueError, TypeError, AttributeError):
        return ""
    return f": {' '.join(str(said).split())[:200]}" if said else ""
