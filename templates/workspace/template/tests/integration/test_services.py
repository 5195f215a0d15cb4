"""Every service is up with all that it needs, and the gateway leads to what is described only."""

from __future__ import annotations

from http import HTTPStatus


def test_every_service_is_ready(nexus_stack) -> None:
    for service in nexus_stack.services.values():
        answer = service.client.get("/health/ready")
        assert answer.status_code == HTTPStatus.OK, f"{service.name}: {answer.text}"


def test_every_database_has_its_tables(nexus_stack, database) -> None:
    for service in nexus_stack.services.values():
        if "DATABASE_URL" in service.variables:
            cursor = database(service.name).cursor()
            cursor.execute("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")
            assert cursor.fetchone()[0] > 0, f"{service.name} has no table"


def test_an_unknown_path_leads_nowhere(gateway) -> None:
    assert gateway.get("/no/such/path").status_code == HTTPStatus.NOT_FOUND
