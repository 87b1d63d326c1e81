"""The Kubernetes connector with its official client against an API in hand (see cluster_in_hand.py): no cluster runs here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cluster_in_hand import APPS, CORE, NODE_USAGE, NOON, ClusterInHand, cluster_in_hand, iso, refusal
from ruamel.yaml import YAML

from nexus.errors import ActionFailed, ActionUnknown, Unavailable
from nexus.incident import Action, ActionKind, Risk
from nexus.world.catalog import ServiceCatalog
from nexus.world.connectors import kubernetes_actions, kubernetes_api
from nexus.world.connectors.contract import ActionSource, Connector, Site
from nexus.world.connectors.kubernetes import Settings, connect
from nexus.world.connectors.kubernetes_words import share, version_of
from nexus.world.gaps import collecting
from nexus.world.infrastructure import Infrastructure
from nexus.world.journal import MemoryJournal

WEB = f"{APPS}/deployments/web"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ClusterInHand]:
    monkeypatch.setattr(kubernetes_actions, "PAUSE", 0.02)
    with cluster_in_hand(tmp_path) as held:
        yield held


@pytest.fixture
async def connector(cluster: ClusterInHand, tmp_path: Path) -> Any:
    made = connected(tmp_path)
    assert cluster.web.url
    yield made
    await made.close()


def connected(folder: Path, *, opened_at: datetime = NOON, **given: Any) -> Connector:
    told = {"use": "kubernetes", "kubeconfig": "kubeconfig", "namespaces": ["shop"], "wait": 5, **given}
    return connect(Settings.model_validate(told), Site(folder, ServiceCatalog(), MemoryJournal(), opened_at))


def infrastructure(connector: Connector) -> Infrastructure:
    assert connector.infrastructure is not None
    return connector.infrastructure


def acting(connector: Connector) -> ActionSource:
    assert connector.actions is not None
    return connector.actions


async def option(connector: Connector, kind: ActionKind, component: str = "web") -> Action:
    return next(a for a in await acting(connector).options(component, NOON) if a.kind is kind)


def node(name: str, **conditions: str) -> dict[str, Any]:
    told = [{"type": kind, "status": status} for kind, status in {"Ready": "True", **conditions}.items()]
    return {"metadata": {"name": name}, "status": {"conditions": told, "allocatable": {"cpu": "4", "memory": "8Gi"}}}


def pod(name: str, labels: dict[str, str], on: str = "n1", started: float = -600, **container: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop", "labels": labels},
        "spec": {"nodeName": on},
        "status": {
            "phase": "Running",
            "startTime": iso(started),
            "containerStatuses": [{"name": "main", "restartCount": 0} | container],
        },
    }


WEB_LABELS = {"app.kubernetes.io/name": "web"}


async def test_nodes_have_their_conditions_their_use_and_what_runs_on_them(cluster: ClusterInHand, connector: Connector) -> None:
    cluster.nodes = [node("n1"), node("n2", Ready="Unknown"), node("n3", MemoryPressure="True", DiskPressure="True")]
    cluster.usage = [{"metadata": {"name": "n1"}, "usage": {"cpu": "3600m", "memory": "4194304Ki"}}]
    ended = pod("job", {"app": "job"})
    ended["status"]["phase"] = "Succeeded"
    cluster.pods = [pod("a", WEB_LABELS), pod("b", {"app": "cart"}), pod("c", {"app": "cart"}, on="n3"), ended]
    first, second, third = await infrastructure(connector).nodes(NOON)
    assert (first.ready, first.cpu_pct, first.memory_pct, first.disk_pct) == (True, 90.0, 50.0, 0.0)
    assert first.components == ("cart", "web")
    assert (second.ready, second.components) == (False, ())
    assert (third.memory_pct, third.disk_pct, third.components) == (99.0, 90.0, ("cart",))


async def test_a_cluster_without_a_metrics_api_still_tells_of_its_nodes(cluster: ClusterInHand, connector: Connector) -> None:
    cluster.nodes = [node("n1")]
    cluster.usage = None
    (only,) = await infrastructure(connector).nodes(NOON)
    assert (only.ready, only.cpu_pct, only.memory_pct) == (True, 0.0, 0.0)


async def test_nodes_are_told_of_where_their_use_may_not_be_read(cluster: ClusterInHand, connector: Connector) -> None:
    cluster.nodes = [node("n1", Ready="False")]
    cluster.says[f"GET {NODE_USAGE}"] = refusal(403, "nodes.metrics.k8s.io is forbidden")
    with collecting() as gaps:
        (only,) = await infrastructure(connector).nodes(NOON)
    assert not only.ready
    assert "nodes.metrics.k8s.io is forbidden" in gaps[0]


async def test_workloads_have_their_version_replicas_restarts_and_nodes(cluster: ClusterInHand, connector: Connector) -> None:
    web = cluster.deployment("web", "registry:5000/shop/web:v41", "registry:5000/shop/web:v42")
    web["status"]["readyReplicas"] = 1
    lately: dict[str, Any] = {"lastState": {"terminated": {"finishedAt": iso(-5)}}}
    long_ago: dict[str, Any] = {"lastState": {"terminated": {"finishedAt": iso(-50)}}}
    looping: dict[str, Any] = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    cluster.pods = [
        pod("a", WEB_LABELS, restartCount=40, **lately),
        pod("b", WEB_LABELS, on="n2", restartCount=9, **long_ago),
        pod("c", WEB_LABELS, restartCount=70, **looping),
        pod("d", WEB_LABELS, started=-4, restartCount=2),
        pod("e", {"app": "cart"}, restartCount=70, **looping),
    ]
    cluster.stateful_sets = [
        {
            "metadata": {"name": "db", "namespace": "shop"},
            "spec": {"replicas": 3, "template": {"spec": {"containers": [{"image": "postgres@sha256:0123456789abcdef"}]}}},
            "status": {"readyReplicas": 3},
        }
    ]
    first, second = await infrastructure(connector).workloads(NOON)
    assert (first.component, first.version, first.replicas, first.ready) == ("web", "v42", 2, 1)
    assert first.restarts_15m == 1 + 0 + 3 + 2
    assert first.nodes == ("n1", "n2")
    assert (second.component, second.version, second.ready, second.restarts_15m) == ("db", "0123456789ab", 3, 0)


async def test_components_are_found_by_the_labels_that_were_said_and_renamed(cluster: ClusterInHand, tmp_path: Path) -> None:
    cluster.deployment("web-blue", "web:v1", component="storefront")
    connector = connected(tmp_path, components={"storefront": "web"})
    assert [w.component for w in await infrastructure(connector).workloads(NOON)] == ["web"]
    await connector.close()
    connector = connected(tmp_path, component_labels=["team"])
    assert [w.component for w in await infrastructure(connector).workloads(NOON)] == ["web-blue"]
    await connector.close()


async def test_long_lists_are_read_to_their_end(
    cluster: ClusterInHand, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_api, "PAGE", 2)
    cluster.nodes = [node(f"n{number}") for number in range(5)]
    assert [n.name for n in await infrastructure(connector).nodes(NOON)] == ["n0", "n1", "n2", "n3", "n4"]


async def made(connector: Connector, hours: float = 24) -> list[Any]:
    assert connector.changes is not None
    return await connector.changes.between(NOON - timedelta(hours=hours), NOON)


async def test_rollouts_are_changes_of_their_kind_with_what_they_replaced(cluster: ClusterInHand, connector: Connector) -> None:
    web = cluster.deployment("web", "web:v41", "web:v42", "web:v42", "web:v42")
    config, restart = cluster.replica_sets[2], cluster.replica_sets[3]
    for one in (config, restart):
        one["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "LIMIT", "value": "5"}]
    restart["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": iso(-360)}
    cluster.replica_sets[1]["metadata"]["annotations"]["kubernetes.io/change-cause"] = "release 42"
    web["metadata"]["managedFields"] = [
        {"manager": "helm", "operation": "Update", "time": iso(-361)},
        {"manager": "kube-controller-manager", "operation": "Update", "time": iso(-10), "subresource": "status"},
    ]
    found = await made(connector)
    assert [(c.kind, c.version, c.previous, c.at) for c in found] == [
        ("deployment", "v42#web2", "v41", NOON - timedelta(minutes=480)),
        ("config", "v42#web3", "v42#web2", NOON - timedelta(minutes=420)),
        ("infrastructure", "v42#web4", "v42#web3", NOON - timedelta(minutes=360)),
    ]
    assert found[0].summary == "release 42"
    assert found[2].author == "helm"
    assert [c.version for c in await made(connector, hours=6.5)] == ["v42#web4"]


async def test_a_configmap_change_belongs_to_whoever_reads_it(cluster: ClusterInHand, connector: Connector) -> None:
    web = cluster.deployment("web", "web:v1")
    web["spec"]["template"]["spec"]["volumes"] = [{"name": "c", "configMap": {"name": "limits"}}]
    web["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "flags"}}]

    def config_map(name: str, **metadata: Any) -> dict[str, Any]:
        edits = [{"manager": "kubectl-edit", "operation": "Update", "time": iso(-30)}]
        return {"metadata": {"name": name, "namespace": "shop", "managedFields": edits, **metadata}, "data": {"k": "v"}}

    cluster.config_maps = [
        config_map("limits"),
        config_map("flags"),
        config_map("unread"),
        config_map("labelled", labels={"app": "cart"}),
        config_map("leader", labels={"app": "cart"}, annotations={"control-plane.alpha.kubernetes.io/leader": "{}"}),
    ]
    found = [c for c in await made(connector) if c.kind == "config"]
    assert sorted((c.component, c.summary) for c in found) == [
        ("cart", "ConfigMap labelled changed by kubectl-edit"),
        ("web", "ConfigMap flags changed by kubectl-edit"),
        ("web", "ConfigMap limits changed by kubectl-edit"),
    ]
    assert {c.at for c in found} == {NOON - timedelta(minutes=30)}


async def test_options_are_the_earlier_releases_then_a_restart_then_more_replicas(
    cluster: ClusterInHand, connector: Connector
) -> None:
    cluster.deployment("web", "web:v40", "web:v41", "web:v42")
    cluster.deployment("cart", "cart:v1")
    offered = await acting(connector).options("web", NOON)
    assert [(a.kind.value, a.risk, a.arguments) for a in offered] == [
        ("rollback", Risk.MEDIUM, {"workload": "deployment/shop/web", "replica_set": "web-web2", "to_version": "v41"}),
        ("rollback", Risk.MEDIUM, {"workload": "deployment/shop/web", "replica_set": "web-web1", "to_version": "v40"}),
        ("restart", Risk.LOW, {"workload": "deployment/shop/web"}),
        ("scale", Risk.LOW, {"workload": "deployment/shop/web", "replicas": 4}),
    ]
    assert [c.previous for c in await made(connector)][-1] == offered[0].arguments["to_version"]
    assert [a.kind.value for a in await acting(connector).options("cart", NOON)] == ["restart", "scale"]
    assert await acting(connector).options("mail", NOON) == []


async def test_what_differs_only_by_a_restart_is_no_earlier_release(cluster: ClusterInHand, connector: Connector) -> None:
    cluster.deployment("web", "web:v41", "web:v42")
    await acting(connector).carry_out(await option(connector, ActionKind.RESTART))
    rollbacks = [a for a in await acting(connector).options("web", NOON) if a.kind is ActionKind.ROLLBACK]
    assert [a.arguments["to_version"] for a in rollbacks] == ["v41"]


async def test_a_dry_run_is_tried_by_the_server_and_keeps_nothing(cluster: ClusterInHand, connector: Connector) -> None:
    cluster.deployment("web", "web:v41", "web:v42")
    source = acting(connector)
    before = await source.state(NOON)
    tried = await source.dry_run(await option(connector, ActionKind.ROLLBACK), NOON)
    assert tried.ok
    assert tried.effect == "deployment/shop/web goes from v42 to v41 (web-web1)"
    assert tried.touches == ("web",)
    assert tried.before == {"workload": "deployment/shop/web", "replica_set": "web-web2"}
    (asked,) = cluster.web.asked_of("PATCH", WEB)
    assert asked.query == {"dryRun": ["All"], "fieldManager": ["nexus-incident-response"]}
    assert asked.headers["authorization"] == "Bearer kube-secret"
    assert await source.state(NOON) == before
    cluster.says[f"PATCH {WEB}"] = refusal(422, "Deployment.apps is invalid: admission webhook denied it")
    refused = await source.dry_run(await option(connector, ActionKind.SCALE), NOON)
    assert not refused.ok
    assert "admission webhook denied it" in refused.effect


async def test_a_rollback_is_done_read_back_and_taken_back(cluster: ClusterInHand, connector: Connector) -> None:
    web = cluster.deployment("web", "web:v41", "web:v42")
    source = acting(connector)
    action, first = await option(connector, ActionKind.ROLLBACK), await source.state(NOON)
    before = (await source.dry_run(action, NOON)).before
    assert await source.is_done(action) is False
    assert "2 of 2 pods updated, 2 ready" in await source.carry_out(action)
    assert version_of(web["spec"]["template"]) == "v41"
    assert "pod-template-hash" not in web["spec"]["template"]["metadata"]["labels"]
    assert await source.is_done(action) is True
    assert await source.is_back(before) is False
    assert [c.version for c in await made(connector, 1)] == ["v41"]
    await source.take_back(before)
    assert await source.is_back(before) is True
    assert await source.state(NOON) == first


async def test_more_replicas_are_set_and_taken_back(cluster: ClusterInHand, connector: Connector) -> None:
    web = cluster.deployment("web", "web:v1", replicas=6)
    source, action = acting(connector), await option(connector, ActionKind.SCALE)
    tried = await source.dry_run(action, NOON)
    assert (tried.effect, tried.before["replicas"]) == ("deployment/shop/web goes from 6 to 9 replicas", 6)
    await source.carry_out(action)
    assert (web["spec"]["replicas"], await source.is_done(action), await source.is_back(tried.before)) == (9, True, False)
    await source.take_back(tried.before)
    assert (web["spec"]["replicas"], await source.is_back(tried.before)) == (6, True)
    for wrong in (0, 21, True, "9", None):
        with pytest.raises(ActionFailed, match="1 to 20"):
            await source.carry_out(action.model_copy(update={"arguments": {**action.arguments, "replicas": wrong}}))


async def test_a_restart_is_known_by_its_mark_and_one_of_an_earlier_incident_is_not_ours(
    cluster: ClusterInHand, connector: Connector, tmp_path: Path
) -> None:
    web = cluster.deployment("web", "web:v1")
    source, action = acting(connector), await option(connector, ActionKind.RESTART)
    before = (await source.dry_run(action, NOON)).before
    assert await source.is_done(action) is False
    await source.carry_out(action)
    assert set(web["spec"]["template"]["metadata"]["annotations"]) == {
        "kubectl.kubernetes.io/restartedAt",
        "nexus-incident-response/restarted-for",
    }
    assert await source.is_done(action) is True
    assert await source.take_back(before) == "nothing to restore"
    later = connected(tmp_path, opened_at=NOON + timedelta(days=36500))
    assert await acting(later).is_done(action) is False
    await later.close()


async def test_a_rollout_that_goes_on_is_told_as_it_is(cluster: ClusterInHand, tmp_path: Path) -> None:
    cluster.deployment("web", "web:v1")
    cluster.slow = True
    connector = connected(tmp_path, wait=0.05)
    said = await acting(connector).carry_out(await option(connector, ActionKind.SCALE))
    assert said.endswith("the rollout goes on: 0 of 4 pods updated, 0 ready")
    await connector.close()


async def test_what_the_cluster_refuses_was_not_done(cluster: ClusterInHand, connector: Connector) -> None:
    cluster.deployment("web", "web:v1")
    action = await option(connector, ActionKind.RESTART)
    cluster.says[f"PATCH {WEB}"] = refusal(403, 'deployments.apps "web" is forbidden')
    with pytest.raises(ActionFailed, match=r'refuses us \(403: deployments.apps "web" is forbidden\)'):
        await acting(connector).carry_out(action)


async def test_a_lost_answer_is_done_where_the_object_shows_it_and_unknown_where_not(
    cluster: ClusterInHand, connector: Connector
) -> None:
    web = cluster.deployment("web", "web:v1")
    action = await option(connector, ActionKind.SCALE)
    cluster.loses_answers = True
    assert "from 2 to 4 replicas" in await acting(connector).carry_out(action)
    assert web["spec"]["replicas"] == 4
    cluster.says[f"PATCH {WEB}"] = refusal(500, "etcdserver: request timed out")
    with pytest.raises(ActionUnknown, match="etcdserver"):
        await acting(connector).carry_out(await option(connector, ActionKind.RESTART))


async def test_a_cluster_that_is_gone_certainly_did_nothing(tmp_path: Path) -> None:
    with cluster_in_hand(tmp_path) as cluster:
        cluster.deployment("web", "web:v1")
        connector = connected(tmp_path)
        action = await option(connector, ActionKind.RESTART)
    await connector.close()
    with pytest.raises(Unavailable, match="cannot be reached"):
        await infrastructure(connector).nodes(NOON)
    with pytest.raises(ActionFailed, match="cannot be reached"):
        await acting(connector).carry_out(action)
    with pytest.raises(ActionFailed, match="cannot be reached"):
        await acting(connector).options("web", NOON)
    assert await acting(connector).is_done(action) is None
    await connector.close()


async def test_only_exact_actions_of_these_namespaces_are_ours(cluster: ClusterInHand, tmp_path: Path) -> None:
    cluster.deployment("web", "web:v41", "web:v42")
    connector = connected(tmp_path, actions=["rollback"])
    source = acting(connector)
    action = await option(connector, ActionKind.ROLLBACK)
    assert [a.kind.value for a in await source.options("web", NOON)] == ["rollback"]
    assert source.owns(action)
    restart = Action(kind=ActionKind.RESTART, target="web", arguments={"workload": "deployment/shop/web"})
    assert not source.owns(restart)
    for workload in ("deployment/other/web", "daemon_set/shop/web", "deployment/shop/../web", "web", 7):
        other = action.model_copy(update={"arguments": {**action.arguments, "workload": workload}})
        assert not source.owns(other)
        with pytest.raises(ActionFailed, match="cannot be done"):
            await source.carry_out(other)
    with pytest.raises(ActionFailed, match="is not of cart"):
        await source.dry_run(action.model_copy(update={"target": "cart"}), NOON)
    with pytest.raises(ActionFailed, match="has no revision web-x"):
        await source.dry_run(action.model_copy(update={"arguments": {**action.arguments, "replica_set": "web-x"}}), NOON)
    with pytest.raises(ActionFailed, match="that revision is of v41"):
        await source.dry_run(action.model_copy(update={"arguments": {**action.arguments, "to_version": "v40"}}), NOON)
    await connector.close()
    connector = connected(tmp_path, actions=[])
    assert connector.actions is None


async def test_a_cluster_that_does_not_answer_in_time_is_unavailable(
    cluster: ClusterInHand, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_api, "PATIENCE", (1.0, 0.05))
    cluster.says["GET /api/v1/nodes"] = type(refusal(200, ""))(hangs=True)
    with pytest.raises(Unavailable, match="does not answer"):
        await infrastructure(connector).nodes(NOON)


@pytest.mark.parametrize("kubeconfig", ["absent", "broken", "empty"])
async def test_a_kubeconfig_that_cannot_be_used_is_said(tmp_path: Path, kubeconfig: str) -> None:
    (tmp_path / "broken").write_text("{a: [")
    (tmp_path / "empty").write_text("apiVersion: v1\nkind: Config\n")
    connector = connected(tmp_path, kubeconfig=kubeconfig)
    with pytest.raises(Unavailable, match="no usable kubeconfig"):
        await infrastructure(connector).nodes(NOON)
    await connector.close()


async def test_the_proof_reads_everything_and_tries_a_change_without_keeping_it(
    cluster: ClusterInHand, connector: Connector
) -> None:
    cluster.nodes, cluster.usage = [node("n1")], None
    cluster.deployment("web", "web:v41", "web:v42")
    proofs = {proof.what: proof for proof in await connector.prove(NOON)}
    assert {what: proof.ok for what, proof in proofs.items()} == {
        "nodes": True,
        "workloads": True,
        "changes of 30 days": True,
        "use of nodes": False,
        "changes, tried by the server without keeping them": True,
    }
    assert all(asked.query["dryRun"] == ["All"] for asked in cluster.web.asked if asked.method == "PATCH")
    cluster.says["GET /api/v1/nodes"] = refusal(403, 'nodes is forbidden: User "x" cannot list')
    cluster.says[f"GET {CORE}/configmaps"] = refusal(403, "no")
    cluster.says[f"GET {NODE_USAGE}"] = refusal(403, "no")
    cluster.says[f"PATCH {WEB}"] = refusal(403, "no")
    refused = await connector.prove(NOON)
    assert [proof.ok for proof in refused] == [False, True, False, False, False]
    assert "nodes is forbidden" in refused[0].detail


@pytest.mark.parametrize(
    ("used", "whole", "expected"),
    [
        ("156340551n", "2", 7.8),
        ("1500m", "2", 75.0),
        ("1Gi", "4194304Ki", 25.0),
        ("500M", "1e9", 50.0),
        (None, "2", 0),
        ("1", None, 0),
    ],
)
def test_quantities_are_read_as_the_api_writes_them(used: str | None, whole: str | None, expected: float) -> None:
    assert share(used, whole) == expected


async def test_the_page_shows_settings_that_are_taken_and_the_rights_that_are_used(
    cluster: ClusterInHand, tmp_path: Path
) -> None:
    page = (Path(__file__).parents[1] / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    shown, roles = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (given,) = YAML(typ="safe").load(shown)["connectors"]
    assert Settings.model_validate(given).namespaces == ("shop", "payments")
    assert set(re.findall(r"`([a-z_]+)`", "".join(re.findall(r"\n\| (`.*?) \|", page)))) == set(Settings.model_fields) - {
        "use",
        "name",
    }
    allowed = {
        (verb, resource)
        for role in YAML(typ="safe").load_all(roles)
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    cluster.nodes = [node("n1")]
    cluster.deployment("web", "web:v41", "web:v42")
    connector = connected(tmp_path)
    await connector.prove(NOON)
    await acting(connector).carry_out(await option(connector, ActionKind.ROLLBACK))
    await connector.close()
    used = {_right(asked.method, asked.path) for asked in cluster.web.asked}
    assert {right for right in allowed if right[1] != "statefulsets"} <= used <= allowed


def _right(method: str, path: str) -> tuple[str, str]:
    """The verb and the resource of a request, as roles name them."""
    parts = path.split("/")
    whole = parts[-1] if "namespaces" not in parts else parts[parts.index("namespaces") + 2]
    return {"PATCH": "patch"}.get(method, "list" if parts[-1] == whole else "get"), whole
