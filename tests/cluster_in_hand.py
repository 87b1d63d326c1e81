"""A Kubernetes API in hand: objects in memory, patched as the API documents it, with a controller that rolls out at once.

Written from the API reference of release 1.31 (apps/v1, core/v1, metrics.k8s.io/v1beta1); no cluster runs here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from http_in_hand import Asked, HttpInHand, Reply, http_in_hand

Json = dict[str, Any]
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
APPS, CORE = "/apis/apps/v1/namespaces/shop", "/api/v1/namespaces/shop"
NODE_USAGE = "/apis/metrics.k8s.io/v1beta1/nodes"


def iso(minute: float) -> str:
    return f"{NOON + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}"


def refusal(code: int, message: str) -> Reply:
    return Reply(code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code})


class ClusterInHand:
    """Its objects may be changed while it runs; `slow` rollouts do not end."""

    def __init__(self) -> None:
        self.nodes: list[Json] = []
        self.usage: list[Json] | None = []
        self.pods: list[Json] = []
        self.deployments: list[Json] = []
        self.replica_sets: list[Json] = []
        self.stateful_sets: list[Json] = []
        self.config_maps: list[Json] = []
        self.slow = False
        self.says: dict[str, Reply] = {}
        self.loses_answers = False
        self.web = HttpInHand({})

    def deployment(self, name: str, *images: str, component: str = "", replicas: int = 2, started: float = -600) -> Json:
        """A Deployment with one revision for each of these images, an hour apart, the last one running."""
        labels = {"app.kubernetes.io/name": component or name}
        uid = f"uid-{name}"
        for number, image in enumerate(images, 1):
            mark = f"{name}{number}"
            template = {
                "metadata": {"labels": {**labels, "pod-template-hash": mark}},
                "spec": {"containers": [{"name": "main", "image": image}]},
            }
            self.replica_sets.append(
                {
                    "metadata": {
                        "name": f"{name}-{mark}",
                        "namespace": "shop",
                        "creationTimestamp": iso(started + 60 * number),
                        "annotations": {"deployment.kubernetes.io/revision": str(number)},
                        "ownerReferences": [{"kind": "Deployment", "name": name, "uid": uid}],
                    },
                    "spec": {"replicas": replicas if number == len(images) else 0, "template": template},
                }
            )  # fmt: skip
        template = without_hash(self.replica_sets[-1]["spec"]["template"])
        made = {
            "metadata": {"name": name, "namespace": "shop", "uid": uid, "generation": len(images), "labels": labels},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
        }
        self.deployments.append(made)
        self.settle(made)
        return made

    def roll_out(self, one: Json) -> None:
        """What the controller does: a revision for the template, and a status."""
        name = one["metadata"]["name"]
        mine = [rs for rs in self.replica_sets if rs["metadata"]["ownerReferences"][0]["uid"] == one["metadata"]["uid"]]
        newest = max((int(rs["metadata"]["annotations"]["deployment.kubernetes.io/revision"]) for rs in mine), default=0)
        same = next((rs for rs in mine if without_hash(rs["spec"]["template"]) == one["spec"]["template"]), None)
        if one in self.deployments and same is None:
            template = deepcopy(one["spec"]["template"])
            template["metadata"]["labels"]["pod-template-hash"] = f"{name}{newest + 1}"
            same = {
                "metadata": {
                    "name": f"{name}-{name}{newest + 1}",
                    "namespace": "shop",
                    "creationTimestamp": iso(0),
                    "annotations": {"deployment.kubernetes.io/revision": str(newest + 1)},
                    "ownerReferences": [{"kind": "Deployment", "name": name, "uid": one["metadata"]["uid"]}],
                },
                "spec": {"template": template},
            }
            self.replica_sets.append(same)
        elif same is not None and (held := same["metadata"]["annotations"])["deployment.kubernetes.io/revision"] != str(newest):
            held["deployment.kubernetes.io/revision-history"] = held["deployment.kubernetes.io/revision"]
            held["deployment.kubernetes.io/revision"] = str(newest + 1)
        self.settle(one)

    def settle(self, one: Json) -> None:
        """A status that says that all is there."""
        wanted = one["spec"]["replicas"]
        ready = 0 if self.slow else wanted
        one["status"] = {
            "observedGeneration": one["metadata"]["generation"],
            "replicas": wanted,
            "updatedReplicas": ready,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "conditions": [{"type": "Progressing", "status": "True", "lastUpdateTime": iso(0)}],
        }

    def answer(self, asked: Asked) -> Any:
        """What the API server says."""
        said = self.says.get(f"{asked.method} {asked.path}")
        if said is not None:
            return said
        lists = {
            "/api/v1/nodes": self.nodes,
            NODE_USAGE: self.usage,
            f"{CORE}/pods": self.pods,
            f"{CORE}/configmaps": self.config_maps,
            f"{APPS}/deployments": self.deployments,
            f"{APPS}/replicasets": self.replica_sets,
            f"{APPS}/statefulsets": self.stateful_sets,
        }
        found = lists.get(asked.path)
        if found is not None:
            limit, begin = int(asked.query["limit"][0]), int(asked.query.get("continue", ["0"])[0])
            more = {"continue": str(begin + limit)} if begin + limit < len(found) else {}
            return {"kind": "List", "metadata": more, "items": found[begin : begin + limit]}
        places = (("deployments", self.deployments), ("statefulsets", self.stateful_sets))
        one = next((o for kind, some in places for o in some if asked.path == f"{APPS}/{kind}/{o['metadata']['name']}"), None)
        if one is None:
            return refusal(404, "the server could not find the requested resource")
        return self._patched(one, asked) if asked.method == "PATCH" else one

    def _patched(self, one: Json, asked: Asked) -> Any:
        kept = deepcopy(one) if asked.query.get("dryRun") == ["All"] else one
        patch = asked.json
        match asked.headers["content-type"]:
            case "application/json-patch+json":
                for step in patch:
                    assert (step["op"], step["path"]) == ("replace", "/spec/template")
                    kept["spec"]["template"] = step["value"]
            case "application/strategic-merge-patch+json":
                merge(kept, patch)
            case other:
                return refusal(415, f"{other} is not supported")
        if kept is one:
            one["metadata"]["generation"] += 1
            self.roll_out(one)
        return refusal(504, "timeout: request did not complete") if self.loses_answers else kept


def without_hash(template: Json) -> Json:
    kept = deepcopy(template)
    kept["metadata"]["labels"].pop("pod-template-hash", None)
    return kept


def merge(into: Json, patch: Json) -> None:
    for key, value in patch.items():
        if isinstance(value, dict):
            merge(into.setdefault(key, {}), value)
        else:
            into[key] = value


@contextmanager
def cluster_in_hand(folder: Path) -> Iterator[ClusterInHand]:
    """The cluster while the block runs; its kubeconfig is `kubeconfig` in that folder."""
    cluster = ClusterInHand()
    with http_in_hand({}) as web:
        web.answers = Everything(cluster)
        cluster.web = web
        told = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "c", "cluster": {"server": web.url}}],
            "users": [{"name": "u", "user": {"token": "kube-secret"}}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}],
        }
        (folder / "kubeconfig").write_text(json.dumps(told))
        yield cluster


class Everything(dict[tuple[str, str], Any]):
    """Answers of a cluster to whatever is asked."""

    def __init__(self, cluster: ClusterInHand) -> None:
        super().__init__()
        self.cluster = cluster

    def get(self, _key: Any, _default: Any = None) -> Any:
        return self.cluster.answer
