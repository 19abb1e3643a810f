"""Sandboxes in Docker containers, hardened by default.

An arm's container starts from an image whose git history ends at HEAD. Grading is one container life: create, copy
the files in, start, read, remove; nothing of it is `docker stop`, which waits 10 s for a PID 1 that ignores TERM. Its
limit is kept inside, by PID 1 (`life.py`); the deadline here comes a little later, for a container that hangs. One that
has ended is removed in a thread, which the next life and `close` wait for: clearing its disk takes up to a second.
"""

from __future__ import annotations

import dataclasses
import io
import math
import posixpath
import tarfile
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.datasets.instance import Instance, Kind
from pytest_swebench.errors import InfraError, InputError, SandboxLost
from pytest_swebench.sandbox import images, life, worktree
from pytest_swebench.sandbox.container import KEEPER, DockerSandbox, remove
from pytest_swebench.sandbox.engine import (
    archive,
    attached,
    connect,
    copied_out,
    engine_errors,
    killed_for_memory,
    pump,
)
from pytest_swebench.sandbox.lending import LENT, Lent
from pytest_swebench.sandbox.local import NAME_IMAGE, TRUST
from pytest_swebench.sandbox.log import CappedLog
from pytest_swebench.sandbox.profile import DockerOptions
from pytest_swebench.sandbox.protocol import Sandbox, Script, ScriptResult
from pytest_swebench.sandbox.reaper import LABEL_INSTANCE, LABEL_RUN, Owner, sweep_containers
from pytest_swebench.sandbox.removals import Removals
from pytest_swebench.sandbox.source import SourceTrees
from pytest_swebench.sandbox.worktree import TIMEOUT_EXIT_CODE

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

FILES: Final = "/swebench"
_GRACE_S: Final = 5.0
_SECOND_LINE_S: Final = life.KILL_AFTER_S + 2
_KILLED_EXIT_CODE: Final = 137


class DockerBackend:
    """Makes containers through the engine that the environment names; connects on first use."""

    name = "docker"

    def __init__(
        self, *, run_id: str, options: DockerOptions | None = None, fetcher: images.Fetcher | None = None
    ) -> None:
        self._run_id = run_id
        self._fetcher = fetcher or images.Fetcher()
        self._options = options or DockerOptions()
        self._owner = Owner.current()
        self._client: DockerClient | None = None
        self._host_cpus = 1
        self._open: list[DockerSandbox] = []
        self._removals = Removals()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._trees: SourceTrees | None = None

    @property
    def client(self) -> DockerClient:
        """The connection; the first use removes what dead owners left. Raises DockerUnavailable."""
        if self._client is None:
            client = connect()
            with engine_errors("asking for the engine's size"):
                self._host_cpus = int(client.info()["NCPU"])
            sweep_containers(client)
            self._client = client
        return self._client

    def check(self, instances: list[Instance]) -> None:
        """Raise InputError for an instance without image, ImageMissing for a local image that is not here.

        Images of a registry are fetched when they are needed. Raises DockerUnavailable.
        """
        needed = [instance for instance in instances if instance.kind is not Kind.SCENARIO]
        for instance in needed:
            check_docker(instance)
        for image in sorted({instance.image for instance in needed}):
            if not images.pullable(image) and not images.has(self.client, image):
                raise images.missing(image)
        if needed:
            with engine_errors("asking the Docker engine"):
                self.client.ping()

    def open(self, instance: Instance) -> Sandbox:
        """Start a container at the instance's base commit, without its future and without network.

        One that is to be lent a network starts with it, for the engine gives none to a container made without; it is
        taken away before anybody's command.
        """
        check_docker(instance)
        self._fetcher.ensure(self.client, instance.image)
        image, history = instance.image, {}
        if instance.source is None:
            clean = images.clean(self.client, image, instance.problem.workdir, self._labels(instance))
            image, history = clean.name, clean.history
        options = self._options.granting(instance.exceptions)
        seconds = math.ceil(options.lifetime_s)
        network = options.network_of(options.network)
        lends = network == "none" and options.agent_network == "install"
        container = self._create(
            instance,
            image,
            ["bash", "-c", KEEPER, "keeper", str(seconds)],
            options,
            LENT if lends else network,
            # A container whose keeper ends needs nobody to remove it; who stops it by hand need not wait for TERM.
            auto_remove=True,
            stop_signal="SIGKILL",
        )
        try:
            self._put(container, instance, {}, options)
            with engine_errors("starting a sandbox"):
                container.start()
            lent = Lent(self.client, container) if lends else None
            if lent is not None:
                lent.take_away()
            sandbox = DockerSandbox(
                self.client,
                container,
                workdir=instance.problem.workdir,
                image=instance.image,
                image_digest=images.digest(self.client, instance.image),
                history=history,
                user=options.run_as,
                lent=lent,
                online=network != "none",
            )
        except BaseException:
            remove(container)
            raise
        self._open = [*(one for one in self._open if not one.closed), sandbox]
        return sandbox

    def run_script(self, instance: Instance, script: Script) -> ScriptResult:
        """Run `script` in a container of its own, made from the instance's image as it is."""
        check_docker(instance)
        self._fetcher.ensure(self.client, instance.image)
        self._removals.finish()
        options = self._options.granting(instance.exceptions)
        network = options.network_of(script.network or options.grade_network)
        container = self._create(
            instance,
            instance.image,
            life.command(script.timeout_s),
            options,
            network,
            working_dir=instance.problem.workdir,
            environment={"SWEBENCH_FILES": FILES, "SWEBENCH_TESTBED": instance.problem.workdir},
            log_config={"Type": "none"},
        )
        try:
            self._put(container, instance, {**script.files, "run.sh": script.text.encode()}, options)
            with CappedLog(script.log, options.log_cap_bytes) as stdout:
                result = self._live(container, stdout, script.timeout_s)
        except BaseException:
            self._removals.remove(container)
            raise
        # of one that has ended a disk is to be cleared, for which nobody need wait; in another something may run yet
        (self._removals.remove if result.timed_out else self._removals.remove_aside)(container)
        conditions = options.conditions(network, self._host_cpus, instance.exceptions)
        if stdout.cut:
            conditions["log_cut"] = True
        return dataclasses.replace(result, conditions=conditions, log_cut=stdout.cut)

    def base_files(self, instance: Instance, paths: Iterable[str]) -> dict[str, bytes]:
        """Copy files out of a container that is made from the instance's image and never started."""
        check_docker(instance)
        workdir = instance.problem.workdir
        self._fetcher.ensure(self.client, instance.image)
        container = self._create(instance, instance.image, ["true"], self._options, "none")
        try:
            self._put(container, instance, {}, self._options)
            within = (path for path in paths if worktree.inside(workdir, path) is not None)
            found = ((path, copied_out(container, posixpath.join(workdir, path))) for path in within)
            return {path: content for path, content in found if content is not None}
        finally:
            remove(container)

    def close(self) -> None:
        """Remove the containers that are still open, sweep up after dead owners, and disconnect."""
        while self._open:
            self._open.pop().close()
        if self._client is not None:
            try:
                self._removals.finish()
                sweep_containers(self._client)
                if self._removals:
                    raise InfraError(f"{len(self._removals)} grading containers are left; run `swebench-runner clean`")
            finally:
                self._client.close()
                self._client = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = self._trees = None

    def _labels(self, instance: Instance) -> dict[str, str]:
        return {LABEL_RUN: self._run_id, LABEL_INSTANCE: instance.instance_id, **self._owner.labels()}

    def _create(
        self, instance: Instance, image: str, entrypoint: list[str], options: DockerOptions, network: str, **more: Any
    ) -> Container:
        client = self.client
        settings = options.settings(network, self._host_cpus) | more
        with engine_errors(f"creating a container of image {image!r}"):
            return client.containers.create(
                image, command=[], entrypoint=entrypoint, labels=self._labels(instance), **settings
            )

    def _put(
        self, container: Container, instance: Instance, files: Mapping[str, bytes], options: DockerOptions
    ) -> None:
        """Copy the source's tree (over what the image has there) and `files` into a container not yet started."""
        with engine_errors("copying files into a container"):
            if instance.source is not None:
                container.put_archive("/", self._tree(instance, options.run_as))
            if files:
                container.put_archive("/", archive(files, FILES))

    def _tree(self, instance: Instance, user: str) -> bytes:
        uid, _, gid = user.partition(":")
        owner = int(uid), int(gid or 0)
        if self._trees is None:
            self._folder = tempfile.TemporaryDirectory(prefix=self._owner.prefix)
            self._trees = SourceTrees(Path(self._folder.name))
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            place = instance.problem.workdir.strip("/")
            tar.add(self._trees.prepared(instance), place, filter=lambda entry: _owned(entry, *owner))
        return stream.getvalue()

    def _live(self, container: Container, stdout: CappedLog, timeout_s: float) -> ScriptResult:
        api = self.client.api
        notes = life.Notes()

        def take(kind: int, chunk: bytes) -> None:
            (stdout if kind == 1 else notes)(chunk)

        with engine_errors("grading in a container"):
            stream: Any = container.attach_socket(params={"stdout": 1, "stderr": 1, "stream": 1})
            since = time.time()
            with attached(stream) as raw:
                started = time.monotonic()
                container.start()
                finished = pump(
                    raw,
                    take,
                    deadline=time.monotonic() + timeout_s + _SECOND_LINE_S,
                    ended=lambda: not api.inspect_container(str(container.id))["State"]["Running"],
                )
            duration_s = time.monotonic() - started
            said, closing = notes.end()
            if not finished:
                return ScriptResult(TIMEOUT_EXIT_CODE, said, True, duration_s)
            code = int(container.wait(timeout=_GRACE_S)["StatusCode"])
            kills = None if closing is None else closing.oom_kills
            oom_killed = killed_for_memory(container, since) if kills is None else kills > 0
        if closing is None and not oom_killed:
            raise SandboxLost(f"a grading container was ended from outside (exit code {code}) after {duration_s:.0f} s")
        # Measured from before the start, so no script that met its limit looks shorter than that.
        timed_out = code in {TIMEOUT_EXIT_CODE, _KILLED_EXIT_CODE} and duration_s >= timeout_s
        return ScriptResult(
            TIMEOUT_EXIT_CODE if timed_out else code,
            said,
            timed_out,
            duration_s,
            oom_killed=oom_killed,
            full=() if closing is None else closing.full,
        )


def check_docker(instance: Instance) -> None:
    """Raise InputError if `instance` names no image, or a folder that no container can have."""
    if not instance.image:
        fix = "use --sandbox local or auto" if instance.trusted else f"{NAME_IMAGE}, or {TRUST}"
        raise InputError(f"instance {instance.instance_id!r} has no image, so Docker cannot run it; {fix}")
    workdir = instance.problem.workdir
    if not posixpath.isabs(workdir) or posixpath.normpath(workdir) == "/":
        raise InputError(f"instance {instance.instance_id!r}: workdir {workdir!r} is no absolute folder like '/x'")


def _owned(entry: tarfile.TarInfo, uid: int, gid: int) -> tarfile.TarInfo:
    entry.uid, entry.gid = uid, gid
    entry.uname = entry.gname = ""
    return entry
