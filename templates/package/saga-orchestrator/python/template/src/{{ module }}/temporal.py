"""Sagas on Temporal: the server keeps where each one stands, over restarts and for as long as it takes."""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from temporalio import activity, workflow
from temporalio.client import WorkflowExecutionStatus
from temporalio.common import RetryPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from .saga import Action, Context, Outcome, RejectedError, Saga, Status, Step

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from temporalio.client import Client

_WORKFLOW = "Saga"
_REJECTED = "Rejected"
Given = dict[str, Any]


@workflow.defn(name=_WORKFLOW)
class SagaWorkflow:
    """Any saga: its steps come as data, so that one under way keeps those that it began with."""

    def __init__(self) -> None:
        self._state: Given = {"status": Status.RUNNING, "results": {}, "reason": ""}

    @workflow.query
    def state(self) -> Given:
        """Say how it stands."""
        return self._state

    @workflow.run
    async def run(self, plan: Given) -> Given:
        """Do the steps; when one fails, take back what was done."""
        state, done = self._state, []
        for step in plan["steps"]:
            try:
                state["results"][step["name"]] = await self._try(plan, step, "do")
            except ActivityError as error:
                rejected = isinstance(error.cause, ApplicationError) and error.cause.type == _REJECTED
                state["status"], state["reason"] = Status.COMPENSATING, f"{step['name']}: {error.cause}"
                if not rejected:
                    done.append(step)
                break
            done.append(step)
        else:
            state["status"] = Status.COMPLETED
            return state
        for step in reversed([each for each in done if each["undo"]]):
            try:
                await self._try(plan, step, "undo")
            except ActivityError as error:
                state["status"] = Status.FAILED
                state["reason"] += f"; {step['name']} could not be taken back: {error.cause}"
                return state
        state["status"] = Status.COMPENSATED
        return state

    async def _try(self, plan: Given, step: Given, what: str) -> Any:
        return await workflow.execute_activity(
            _activity_name(plan["saga"], plan["version"], step["name"], what),
            {"input": plan["input"], "results": self._state["results"], "step": step["name"]},
            start_to_close_timeout=timedelta(seconds=step["timeout"]),
            retry_policy=RetryPolicy(
                initial_interval=timedelta(seconds=step["pause"]),
                maximum_interval=timedelta(seconds=max(step["longest"], step["pause"])),
                maximum_attempts=step["attempts"],
            ),
        )


class TemporalRunner:
    """Begins sagas and works on their steps; run it in as many processes as there is work for."""

    def __init__(self, client: Client, sagas: Iterable[Saga], *, queue: str = "sagas") -> None:
        self._client, self._queue = client, queue
        self._sagas = list(sagas)

    async def start(self, saga: str, data: Any = None, *, saga_id: str | None = None) -> str:
        """Begin a saga in its newest version; with an identifier that is known, nothing is begun."""
        known = [each for each in self._sagas if each.name == saga]
        if not known:
            raise ValueError(f"there is no saga {saga}")
        identity = saga_id or str(uuid.uuid4())
        with suppress(WorkflowAlreadyStartedError):
            await self._client.start_workflow(
                _WORKFLOW,
                _plan(max(known, key=lambda each: each.version), data),
                id=identity,
                task_queue=self._queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            )
        return identity

    async def outcome(self, saga_id: str) -> Outcome:
        """Say how a saga stands; while it runs, a worker has to be there to answer."""
        handle = self._client.get_workflow_handle(saga_id)
        described = await handle.describe()
        running = described.status is WorkflowExecutionStatus.RUNNING
        state: Given = await (handle.query("state") if running else handle.result())
        return Outcome(saga_id, Status(state["status"]), state["results"], state["reason"])

    def worker(self) -> Worker:
        """Make what works on sagas: `async with runner.worker()`, or `await runner.worker().run()`."""
        activities = [
            _activity(saga, step, what, action)
            for saga in self._sagas
            for step in saga.steps
            for what, action in (("do", step.action), ("undo", step.undo))
            if action is not None
        ]
        return Worker(
            self._client,
            task_queue=self._queue,
            workflows=[SagaWorkflow],
            activities=activities,
            # Nobody else's code runs in the workflow; one that imports it anew each time is late on a busy
            # machine, and Temporal takes it for stuck.
            workflow_runner=UnsandboxedWorkflowRunner(),
        )


def _plan(saga: Saga, data: Any) -> Given:
    steps = [
        {
            "name": step.name,
            "undo": step.undo is not None,
            "timeout": step.timeout,
            "attempts": step.attempts,
            "pause": step.pause,
            "longest": step.longest,
        }
        for step in saga.steps
    ]
    return {"saga": saga.name, "version": saga.version, "input": data, "steps": steps}


def _activity_name(saga: str, version: int, step: str, what: str) -> str:
    return f"{saga}/{version}/{step}/{what}"


def _activity(saga: Saga, step: Step, what: str, action: Action) -> Callable[[Given], Awaitable[Any]]:
    """Make a step known to the worker."""

    @activity.defn(name=_activity_name(saga.name, saga.version, step.name, what))
    async def run(given: Given) -> Any:
        saga_id = activity.info().workflow_id or ""
        try:
            return await action(Context(saga_id, given["step"], given["input"], given["results"]))
        except RejectedError as error:
            raise ApplicationError(str(error), type=_REJECTED, non_retryable=True) from error

    return run
