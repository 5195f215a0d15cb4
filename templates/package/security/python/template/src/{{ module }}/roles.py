"""Roles: who may do what with which resource, decided in this process (RBAC, by Casbin)."""

from collections.abc import Iterable, Mapping

from casbin import Enforcer
from casbin.model import Model

from .tokens import Principal

_MODEL = """
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub) && keyMatch2(r.obj, p.obj) && (p.act == "*" || r.act == p.act)
"""
_MOST = 10_000


class Roles:
    """Permissions by role, as `(resource, action)`; `*` is any action, `/orders/:id` and `/orders/*` match.

    `includes` are roles that have what others have. What has been decided once is remembered.
    """

    def __init__(
        self,
        permissions: Mapping[str, Iterable[tuple[str, str]]],
        includes: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        model = Model()
        model.load_model_from_text(_MODEL)
        self._enforcer = Enforcer(model)
        for role, allowed in permissions.items():
            for resource, action in allowed:
                self._enforcer.add_policy(role, resource, action)
        for role, others in (includes or {}).items():
            for other in others:
                self._enforcer.add_grouping_policy(role, other)
        self._decided: dict[tuple[str, str, str], bool] = {}

    def allows(self, principal: Principal, action: str, resource: str) -> bool:
        """Say whether one of the principal's roles may do it; where nothing is said, it may not."""
        return any(self._decide(role, resource, action) for role in principal.roles)

    def _decide(self, *asked: str) -> bool:
        key = (asked[0], asked[1], asked[2])
        if key not in self._decided:
            if len(self._decided) >= _MOST:
                self._decided.clear()
            self._decided[key] = bool(self._enforcer.enforce(*asked))
        return self._decided[key]
