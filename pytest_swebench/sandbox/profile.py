"""How containers are made: hardened by default, or with the settings the official harness uses."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pytest_swebench.errors import InputError, unknown

# Without these root cannot enter a folder of mode 000, hand files to another user or drop its rights, as test suites
# and pip do; so taking them away would change verdicts. None of them reaches beyond the container's own files.
_CAPABILITIES: Final = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID")


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerOptions:
    """How containers are made.

    `profile` is `hardened`, or `official` for upstream's own settings (SYS_ADMIN, bridge network, no limits).
    `memory` is written as Docker writes it (`4g`), `cpus` and `pids` are ceilings, `lifetime_s` ends a forgotten
    sandbox, `network` and `grade_network` are `none` or `bridge`.
    """

    profile: Literal["hardened", "official"] = "hardened"
    memory: str = "4g"
    cpus: float = 2.0
    pids: int = 512
    network: Literal["none", "bridge"] = "none"
    grade_network: Literal["none", "bridge"] = "none"
    lifetime_s: float = 7200.0

    @classmethod
    def from_extra(cls, extra: Mapping[str, Any]) -> DockerOptions:
        """Build options from names and values. Raises InputError for an unknown name or value."""
        names = [field.name for field in dataclasses.fields(cls)]
        for name in extra:
            if name not in names:
                raise InputError(unknown("docker option", name, names))
        options = cls(**extra)
        for name, accepted in (
            ("profile", ("hardened", "official")),
            ("network", ("none", "bridge")),
            ("grade_network", ("none", "bridge")),
        ):
            if getattr(options, name) not in accepted:
                raise InputError(f"docker option {name}: {unknown(name, str(getattr(options, name)), accepted)}")
        return options

    def settings(self, network: str, host_cpus: int) -> dict[str, Any]:
        """Return keyword arguments for the SDK's `containers.create`."""
        if self.profile == "official":
            return {"cap_add": ["SYS_ADMIN"], "network_mode": "bridge", "user": "0"}
        return {
            "cap_drop": ["ALL"],
            "cap_add": list(_CAPABILITIES),
            "security_opt": ["no-new-privileges:true"],
            "pids_limit": self.pids,
            "mem_limit": self.memory,
            "memswap_limit": self.memory,
            # The engine refuses more CPUs than the host has.
            "nano_cpus": int(min(self.cpus, host_cpus) * 1e9),
            "network_mode": network,
            "ipc_mode": "private",
            "use_config_proxy": network != "none",
            "user": "0",
        }
