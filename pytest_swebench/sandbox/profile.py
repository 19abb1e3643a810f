"""How containers are made: hardened by default, or with the settings the official harness uses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from pytest_swebench.datasets import allowances
from pytest_swebench.errors import InputError, unknown
from pytest_swebench.sandbox.log import LOG_CAP_BYTES

# Without these root cannot enter a folder of mode 000, hand files to another user or drop its rights, as test suites
# and pip do; so taking them away would change verdicts. None of them reaches beyond the container's own files.
_CAPABILITIES: Final = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID")

Profile = Literal["hardened", "official"]
AgentNetwork = Literal["none", "install"]
_SWITCHES: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerOptions:
    """How containers are made.

    `profile` is `hardened`, or `official` for upstream's own settings: root, SYS_ADMIN, the bridge network, no limits;
    then of the others only the networks, `lifetime_s` and `log_cap_bytes` count. Sizes are written as Docker writes
    them (`4g`). `memory`, `cpus`, `pids`, `nofile` (open files a process) and `tmp_size` are ceilings, 0 for none; a
    `tmp_size` puts `/tmp` in memory. `capabilities` are kept beside the few that tests cannot do without. `network`
    is for arms, `grade_network` for grading (empty: the profile's own); `agent_network` is `install` where arms without
    one get a network for each command that installs something. `lifetime_s` ends a forgotten sandbox,
    `log_cap_bytes` is what is kept of a test log.
    """

    profile: Profile = "hardened"
    memory: str = "4g"
    cpus: float = 2.0
    pids: int = 512
    shm_size: str = "64m"
    tmp_size: str = "0"
    nofile: int = 0
    user: str = "0"
    capabilities: tuple[str, ...] = ()
    drop_capabilities: bool = True
    no_new_privileges: bool = True
    private_ipc: bool = True
    network: str = ""
    grade_network: str = ""
    agent_network: AgentNetwork = "none"
    lifetime_s: float = 7200.0
    log_cap_bytes: int = LOG_CAP_BYTES

    @classmethod
    def from_extra(cls, extra: Mapping[str, Any]) -> DockerOptions:
        """Build options from names and values, which may be strings. Raises InputError for a wrong name or value."""
        options = {}
        for name, value in extra.items():
            if name not in _READERS:
                raise InputError(unknown("docker option", name, _READERS))
            try:
                options[name] = _READERS[name](value)
            except ValueError as error:
                raise InputError(f"docker option {name}={value!r}: expected {error}") from error
        return cls(**options)

    @property
    def hardened(self) -> bool:
        return self.profile == "hardened"

    @property
    def run_as(self) -> str:
        """The user in the container; upstream's is root."""
        return self.user if self.hardened else "0"

    def granting(self, exceptions: Mapping[str, Any]) -> DockerOptions:
        """Return these options with what an instance asks for; upstream's settings grant no more than a network."""
        named = dict(exceptions) if self.hardened else {}
        named.pop("timeout_s", None)  # the grader's
        named.pop("network", None)
        if "capabilities" in named:
            named["capabilities"] = tuple(dict.fromkeys((*self.capabilities, *named["capabilities"])))
        if "network" in exceptions:
            named["grade_network"] = exceptions["network"]
        return dataclasses.replace(self, **named)

    def network_of(self, asked: str) -> str:
        """Return the network that `asked` means: itself, or what containers of this profile get."""
        return asked or ("none" if self.hardened else "bridge")

    def settings(self, network: str, host_cpus: int) -> dict[str, Any]:
        """Return keyword arguments for the SDK's `containers.create`."""
        if not self.hardened:
            return {"cap_add": ["SYS_ADMIN"], "network_mode": network, "user": "0"}
        from docker.types import Ulimit

        settings: dict[str, Any] = {
            "cap_add": [*(_CAPABILITIES if self.drop_capabilities else ()), *self.capabilities],
            "shm_size": self.shm_size,
            "network_mode": network,
            "use_config_proxy": network != "none",
            "user": self.user,
            "ulimits": [Ulimit(name="core", soft=0, hard=0)],
        }
        if self.drop_capabilities:
            settings["cap_drop"] = ["ALL"]
        if self.no_new_privileges:
            settings["security_opt"] = ["no-new-privileges:true"]
        if self.private_ipc:
            settings["ipc_mode"] = "private"
        if self.pids:
            settings["pids_limit"] = self.pids
        if self.memory != "0":
            settings["mem_limit"] = settings["memswap_limit"] = self.memory
        if self.cpus:
            settings["nano_cpus"] = int(self._cpus(host_cpus) * 1e9)
        if self.nofile:  # none by default: no engine grants more than it has itself, and that differs
            settings["ulimits"].append(Ulimit(name="nofile", soft=self.nofile, hard=self.nofile))
        if self.tmp_size != "0":
            settings["tmpfs"] = {"/tmp": f"size={self.tmp_size},exec,mode=1777"}
        return settings

    def conditions(self, network: str, host_cpus: int, exceptions: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a container runs under, as plain JSON data; None stands for no limit."""
        hard = self.hardened
        return {
            "profile": self.profile,
            "network": network,
            "memory": self.memory if hard and self.memory != "0" else None,
            "cpus": self._cpus(host_cpus) if hard and self.cpus else None,
            "pids": self.pids if hard and self.pids else None,
            "user": self.run_as,
            "exceptions": {
                name: value for name, value in exceptions.items() if hard or name in ("network", "timeout_s")
            },
        }

    def _cpus(self, host_cpus: int) -> float:
        """Return the ceiling; the engine refuses more CPUs than the host has."""
        return min(self.cpus, float(host_cpus))


def _one_of(what: str, names: tuple[str, ...]) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in names:
            raise ValueError(f"{' or '.join(names)} ({unknown(what, str(value), names)})")
        return str(value)

    return read


def _switch(value: object) -> bool:
    try:
        return _SWITCHES[str(value).lower()]
    except KeyError as error:
        raise ValueError("yes or no") from error


def _capabilities(value: object) -> tuple[str, ...]:
    return tuple(allowances.capabilities(value))


_READERS: Final[Mapping[str, Callable[[object], Any]]] = {
    "profile": _one_of("profile", get_args(Profile)),
    "memory": allowances.size,
    "cpus": allowances.number,
    "pids": allowances.count,
    "shm_size": allowances.size,
    "tmp_size": allowances.size,
    "nofile": allowances.count,
    "user": allowances.user,
    "capabilities": _capabilities,
    "drop_capabilities": _switch,
    "no_new_privileges": _switch,
    "private_ipc": _switch,
    "network": allowances.network,
    "grade_network": allowances.network,
    "agent_network": _one_of("network", get_args(AgentNetwork)),
    "lifetime_s": allowances.seconds,
    "log_cap_bytes": allowances.count,
}
