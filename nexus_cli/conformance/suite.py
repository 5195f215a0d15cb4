"""The service contract, clause by clause, in the order in which a person would ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nexus_cli.conformance import (
    events,
    hostile,
    lists,
    operation,
    requests,
    resources,
    seeds,
    tenants,
    versions,
)
from nexus_cli.conformance.clause import Answers, Clause, Verdict, judge
from nexus_cli.conformance.rig import Rig, resources_with

Applies = Callable[[Answers], bool]


def _on(*connections: str) -> Applies:
    return lambda answers: set(connections) <= set(answers["connections"])


def _with(*operations: str) -> Applies:
    return lambda answers: any(resources_with(answers, *operations))


def _any(find: Callable[[Answers], Iterator[object]]) -> Applies:
    return lambda answers: any(find(answers))


def _both(first: Applies, second: Applies) -> Applies:
    return lambda answers: first(answers) and second(answers)


CLAUSES: tuple[Clause, ...] = (
    Clause(operation.it_is_alive_and_ready),
    Clause(operation.it_starts_before_its_dependencies, operation.waits),
    Clause(operation.it_is_measured),
    Clause(operation.routes_are_measured_by_their_template, _with("create", "get")),
    Clause(operation.it_is_described),
    Clause(operation.its_documentation_needs_no_other_host),
    Clause(operation.a_wrong_configuration_ends_the_start),
    Clause(operation.a_port_that_is_taken_ends_the_start),
    Clause(operation.sigterm_ends_it_in_good_order),
    Clause(operation.sigterm_lets_requests_finish, _with("create")),
    Clause(operation.migrations_may_run_at_the_same_time, _on("DATABASE_URL")),
    Clause(requests.a_trace_is_continued),
    Clause(requests.a_hostile_trace_is_replaced),
    Clause(requests.a_request_is_one_line_of_the_log),
    Clause(requests.probes_are_not_logged),
    Clause(requests.errors_are_problems),
    Clause(requests.an_invalid_request_is_explained, _with("create")),
    Clause(hostile.bodies_say_that_they_are_json, _with("create")),
    Clause(hostile.addresses_are_exact, _with("list", "get")),
    Clause(hostile.what_can_be_read_has_a_head),
    Clause(requests.an_unforeseen_error_hides_its_cause, _with("list")),
    Clause(requests.answers_carry_security_headers),
    Clause(requests.traces_go_to_the_collector),
    Clause(resources.what_is_created_can_be_read, _with("create")),
    Clause(resources.defaults_are_filled_in, _any(resources.with_defaults)),
    Clause(resources.lists_come_in_parts, _with("create", "list")),
    Clause(lists.lists_are_filtered, _with("create", "list")),
    Clause(lists.lists_are_bounded, _with("create", "list")),
    Clause(lists.lists_are_sorted, _with("create", "list")),
    Clause(lists.an_unknown_filter_is_refused, _with("create", "list")),
    Clause(versions.what_is_stored_has_a_version, _with("create", "get", "update")),
    Clause(versions.what_is_known_is_not_sent_again, _with("create", "get")),
    Clause(versions.a_stale_change_is_refused, _with("create", "get", "update", "delete")),
    Clause(versions.one_of_two_changes_wins, _with("create", "update")),
    Clause(tenants.rows_are_their_tenants_own, _any(tenants.scoped)),
    Clause(tenants.without_a_tenant_nothing_is_served, _any(tenants.scoped)),
    Clause(tenants.what_is_unique_is_so_in_its_tenant, _any(tenants.scoped)),
    Clause(tenants.references_stay_in_their_tenant, _any(tenants.scoped_references)),
    Clause(tenants.keys_of_tenants_are_different_keys, _both(_on("REDIS_URL"), _any(tenants.scoped))),
    Clause(seeds.seed_data_is_the_same_each_time, _with("list")),
    Clause(resources.what_is_changed_stays_otherwise, _with("create", "update", "get")),
    Clause(resources.invalid_values_are_refused, _with("create", "update", "get")),
    Clause(hostile.what_cannot_be_kept_is_refused, _any(hostile.hostile)),
    Clause(hostile.moments_are_kept_in_utc, _any(hostile.with_moments)),
    Clause(resources.amounts_have_two_decimals, _any(resources.with_money)),
    Clause(resources.what_is_unique_is_stored_once, _any(resources.with_unique)),
    Clause(resources.references_lead_somewhere, _any(resources.with_reference)),
    Clause(resources.what_is_deleted_is_gone, _with("create", "get", "delete")),
    Clause(resources.an_unknown_identifier_is_not_found, _with("get")),
    Clause(resources.states_change_as_described, _any(resources.with_states)),
    Clause(resources.a_repeated_post_runs_once, _both(_on("REDIS_URL"), _with("create"))),
    Clause(resources.a_refused_post_is_remembered, _both(_on("REDIS_URL"), _with("create"))),
    Clause(resources.without_redis_nothing_is_promised, _both(_on("REDIS_URL"), _with("create"))),
    Clause(events.what_is_created_is_announced, _any(events.announced)),
    Clause(events.an_event_is_handled_in_its_trace, events.consumes),
    Clause(events.an_event_that_comes_twice_counts_once, _both(_on("DATABASE_URL"), events.consumes)),
    Clause(events.an_event_that_fails_comes_back, events.consumes),
    Clause(operation.without_postgresql_it_is_unready, _on("DATABASE_URL")),
    Clause(operation.without_redis_it_is_unready, _on("REDIS_URL")),
    Clause(operation.without_nats_it_is_unready, _on("NATS_URL")),
    Clause(events.events_outlive_their_service, _both(_on("DATABASE_URL"), _any(events.announced_alone))),
    Clause(events.events_flow_again_after_nats, _on("NATS_URL")),
    Clause(requests.every_line_of_the_log_says_who_speaks),
)


def clauses(answers: Answers) -> list[Clause]:
    """The clauses that speak to a service."""
    return [clause for clause in CLAUSES if clause.applies(answers)]


def run(rig: Rig) -> Iterator[Verdict]:
    """Hold a running service to every clause that speaks to it."""
    for clause in clauses(rig.answers):
        yield judge(clause, rig)
