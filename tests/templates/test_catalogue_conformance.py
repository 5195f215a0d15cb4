"""Every service of the catalogue, generated from its blueprint and started, keeps the service contract.

What follows from a blueprint is asked of each: that it starts, migrates and ends in good order, and every
clause that one running process can answer. What follows from the template alone (a second process, servers
that go away) is asked of each type's reference in `test_conformance.py`. The 36th service is the gateway, a
component that `tests/e2e/test_gateway.py` holds to what it promises.
"""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from rigs import Servers, rig_of

from nexus_cli.blueprint.load import catalogue_names, load
from nexus_cli.blueprint.model import Platform
from nexus_cli.conformance import events, lists, operation, requests, resources, seeds, versions
from nexus_cli.conformance.clause import judge
from nexus_cli.conformance.suite import clauses
from nexus_cli.scaffold.service import variables

OF_THE_TEMPLATE = frozenset(
    {
        operation.it_starts_before_its_dependencies,
        operation.a_wrong_configuration_ends_the_start,
        operation.a_port_that_is_taken_ends_the_start,
        operation.sigterm_ends_it_in_good_order,
        operation.sigterm_lets_requests_finish,
        operation.migrations_may_run_at_the_same_time,
        operation.without_postgresql_it_is_unready,
        operation.without_redis_it_is_unready,
        operation.without_nats_it_is_unready,
        requests.an_unforeseen_error_hides_its_cause,
        requests.traces_go_to_the_collector,
        resources.without_redis_nothing_is_promised,
        events.events_outlive_their_service,
        events.events_flow_again_after_nats,
        events.an_event_that_fails_comes_back,
        seeds.seed_data_is_the_same_each_time,
    }
)
"""Clauses that start further processes or stop servers: they cost seconds, and say the same of each."""

OF_CAPABILITIES = {
    "notification": frozenset(
        {
            lists.lists_are_filtered,
            resources.what_is_created_can_be_read,  # what is created is on its way before it is read
            resources.references_lead_somewhere,
            resources.states_change_as_described,
            versions.what_is_stored_has_a_version,
        }
    )
}
"""Clauses whose made-up data the rules of a capability refuse or change; its own tests ask the same."""


@cache
def catalogue() -> Platform:
    """One platform of all that the catalogue has."""
    with TemporaryDirectory() as folder:
        entries = "".join(f'  - "catalogue:{name}"\n' for name in catalogue_names())
        head = "nexus: v1\nkind: platform\nname: everything\ninclude:\n"
        (Path(folder) / "nexus.yaml").write_text(head + entries, encoding="utf-8")
        return load(Path(folder))


@pytest.mark.parametrize("name", catalogue().services)
def test_a_service_of_the_catalogue_keeps_the_contract(tmp_path: Path, servers: Servers, name: str) -> None:
    service = catalogue().services[name]
    # a stream of its own: no other service of this test may answer its events, or be asked by them
    given = {**variables(catalogue(), service), "platform": f"only-{name}"}
    rig = rig_of(tmp_path, catalogue(), service, given, servers)
    if rig.migrate:
        rig.migrated()
    left_out = OF_THE_TEMPLATE.union(*(OF_CAPABILITIES[capability] for capability in service.with_))
    try:
        rig.service.up()
        verdicts = [judge(clause, rig) for clause in clauses(given) if clause.check not in left_out]
    finally:
        code = rig.service.stop()
    broken = [f"{verdict.clause.says}\n  {verdict.reason}" for verdict in verdicts if not verdict.kept]
    assert not broken, "\n".join(broken)
    assert code == 0
    shutil.rmtree(rig.cwd)  # thirty-five environments would fill a disk
