"""Ray: the machines, and the tasks that run on them."""

import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import ray
from ray import cloudpickle
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

import impasto_cluster

from . import node
from .errors import AbsentError, ClusterError, LostError
from .node import Job
from .schedule import Range
from .storage import Film

# Ray gives its parts half a minute to start. Where its files are not in memory yet, the first try is too slow, and the second works.
STARTS = 3

# A look at all tasks takes milliseconds if there are many. Then it waits until it has answers to several.
MANY = 100  # tasks
GATHER = 0.2  # seconds

# The machines that paint have Ray, but not these files.
cloudpickle.register_pickle_by_value(impasto_cluster)


@dataclass(frozen=True)
class Slot:
    """A place where one range is painted at a time: a machine with all its cores, or one of its graphics cards."""

    node: str  # Ray's identifier
    name: str
    cores: float
    gpus: float
    number: int  # among the slots of its machine

    @property
    def key(self) -> str:
        return f"{self.node[:12]}-{self.number}"

    def options(self, name: str) -> dict[str, Any]:
        strategy = NodeAffinitySchedulingStrategy(self.node, soft=False)
        resources = {"num_cpus": self.cores, "num_gpus": self.gpus}
        return {"name": name, "scheduling_strategy": strategy, "max_retries": 0, **resources}


class Source:
    """Sends the film in pieces, from the machine that has it."""

    def __init__(self, film: Film) -> None:
        self.film = film

    def piece(self, number: int) -> tuple[bytes, str]:
        return self.film.piece(number)


@ray.remote
def prepare_task(job: Job, slot: str, cores: float, source: Any) -> Any:
    try:
        return node.prepare(job, slot, cores, lambda number: ray.get(source.piece.remote(number)))
    except (ClusterError, OSError) as error:
        return str(error)


@ray.remote
def paint_task(job: Job, digest: str, journal: bytes, slot: str, cores: float, run: tuple[int, int], source: Any) -> Iterator[Any]:
    yield from node.paint(job, digest, journal, slot, cores, run, lambda number: ray.get(source.piece.remote(number)))


@ray.remote
def tidy_task(job: Job, digest: str) -> None:
    node.tidy(job, digest)


@dataclass
class Answer:
    """What has come from a task."""

    task: Any
    value: Any = None
    ended: bool = False
    lost: str | None = None  # why its machine is gone


class Engine:
    """The machines of a Ray cluster."""

    def __init__(self, address: str | None, wants_gpu: bool | None) -> None:
        self.wants_gpu = wants_gpu  # None: graphics cards if there are any
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "namespace": "impasto"}
        if address:
            connect(address, quiet)
        else:
            start_here(quiet)
        self.local = not address
        self.source: Any = None

    def dashboard(self) -> str | None:
        url = ray.get_runtime_context().gcs_address and ray._private.worker.get_dashboard_url()
        return f"http://{url}" if url else None

    def serve(self, film: Film) -> None:
        """Begins to send the pieces of a film to machines that do not see it."""
        own = ray.get_runtime_context().get_node_id()
        options = {"num_cpus": 0, "scheduling_strategy": NodeAffinitySchedulingStrategy(own, soft=False), "name": None}
        self.source = ray.remote(Source).options(**options, max_concurrency=4).remote(film)

    def slots(self) -> list[Slot]:
        """The places where ranges can be painted now."""
        with lost_ray():
            alive = [found for found in ray.nodes() if found["Alive"]]
        gpus = {found["NodeID"]: int(found["Resources"].get("GPU", 0)) for found in alive}
        uses_gpus = any(gpus.values()) if self.wants_gpu is None else self.wants_gpu
        slots = []
        for found in alive:
            key, cores = found["NodeID"], found["Resources"].get("CPU", 0)
            name = f"{found['NodeManagerHostname']} ({found['NodeManagerAddress']})"
            if uses_gpus:
                count = gpus[key]
                slots += [Slot(key, f"{name} card {card}" if count > 1 else name, cores / count, 1, card) for card in range(count)]
            elif cores >= 1:
                slots.append(Slot(key, name, cores, 0, 0))
        return slots

    def share(self, value: Any) -> Any:
        """Keeps a value where all machines can take it from."""
        return ray.put(value)

    def prepare(self, job: Any, slot: Slot, film: str) -> Any:
        return prepare_task.options(**slot.options(f"{film}: check")).remote(job, slot.key, slot.cores, self.source)

    def paint(self, job: Any, digest: str, journal: bytes, slot: Slot, run: Range, film: str) -> Any:
        options = slot.options(f"{film}: {run}")
        task = paint_task.options(**options, num_returns="streaming")
        return task.remote(job, digest, journal, slot.key, slot.cores, (run.first, run.end), self.source)

    def answers(self, tasks: list[Any], seconds: float) -> list[Answer]:
        """What has come from the tasks; waits for some time if nothing has."""
        with lost_ray():
            ready, _ = ray.wait(tasks, num_returns=len(tasks), timeout=0, fetch_local=False)
            if not ready:
                ready, _ = ray.wait(tasks, num_returns=1, timeout=seconds, fetch_local=False)
            if ready and len(tasks) > MANY:
                time.sleep(GATHER)
                ready, _ = ray.wait(tasks, num_returns=len(tasks), timeout=0, fetch_local=False)
            return [self.answer(task) for task in ready]

    def answer(self, task: Any) -> Answer:
        try:
            if isinstance(task, ray.ObjectRef):
                return Answer(task, ray.get(task), ended=True)
            return Answer(task, ray.get(next(task)))
        except StopIteration:
            return Answer(task, ended=True)
        except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError, ray.exceptions.ObjectLostError) as error:
            return Answer(task, ended=True, lost=str(error).splitlines()[0])
        except (ray.exceptions.TaskUnschedulableError, ray.exceptions.TaskCancelledError) as error:
            return Answer(task, ended=True, lost=str(error).splitlines()[0])
        except ray.exceptions.RayTaskError as error:
            return Answer(task, value=("failed", str(error.cause or error)), ended=True)

    def cancel(self, task: Any) -> None:
        with contextlib.suppress(Exception):
            ray.cancel(task, force=True)

    def tidy(self, job: Any, digest: str, slots: list[Slot]) -> None:
        """Removes what the job has left on the machines; those that do not answer keep it."""
        one = {slot.node: slot for slot in slots}.values()
        tasks = [tidy_task.options(**{**slot.options("tidy"), "num_cpus": 0, "num_gpus": 0}).remote(job, digest) for slot in one]
        with contextlib.suppress(Exception):
            ray.wait(tasks, num_returns=len(tasks), timeout=10)

    def close(self) -> None:
        with contextlib.suppress(Exception):
            ray.shutdown()


def connect(address: str, settings: dict[str, Any]) -> None:
    try:
        ray.init(address=address, **settings)
    except Exception as error:  # Ray raises nothing more exact
        words = " ".join(str(error).split())
        raise AbsentError(f"there is no Ray at '{address}' ({words}); start it with `ray start --head`") from error


def start_here(settings: dict[str, Any]) -> None:
    """Starts Ray on this machine."""
    for start in range(STARTS):
        try:
            ray.init(include_dashboard=True, **settings)
            return
        except Exception as error:  # Ray raises nothing more exact
            ray.shutdown()
            if start + 1 == STARTS:
                words = " ".join(str(error).split())
                raise ClusterError(f"Ray does not start on this machine ({words}); its logs are in /tmp/ray/session_latest/logs") from error


@contextlib.contextmanager
def lost_ray() -> Iterator[None]:
    """Words for what Ray raises when its head is gone."""
    try:
        yield
    except (ConnectionError, ray.exceptions.RaySystemError, ray.exceptions.RpcError) as error:
        raise LostError(str(error).splitlines()[0] if str(error) else type(error).__name__) from error
