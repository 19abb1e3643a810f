from __future__ import annotations

import pytest

from pytest_swebench.sandbox.profile import DockerOptions

ASKED = {"memory": "8g", "shm_size": "1g", "network": "bridge", "timeout_s": 3600.0, "capabilities": ["SYS_PTRACE"]}


def test_options_may_be_written_as_text() -> None:
    written = {
        "memory": "8G",
        "cpus": "1.5",
        "pids": "64",
        "user": "1000:1000",
        "capabilities": "sys_ptrace,CAP_NET_RAW",
        "private_ipc": "no",
        "log_cap_bytes": "1000",
        "grade_network": "bridge",
        "agent_network": "install",
    }
    assert DockerOptions.from_extra(written) == DockerOptions(
        memory="8g",
        cpus=1.5,
        pids=64,
        user="1000:1000",
        capabilities=("SYS_PTRACE", "NET_RAW"),
        private_ipc=False,
        log_cap_bytes=1000,
        grade_network="bridge",
        agent_network="install",
    )


def test_zero_takes_a_limit_away() -> None:
    settings = DockerOptions.from_extra({"memory": "0", "cpus": "0", "pids": "0"}).settings("none", 8)
    assert settings.keys().isdisjoint({"mem_limit", "memswap_limit", "nano_cpus", "pids_limit"})


def test_every_protection_can_be_taken_back_alone() -> None:
    whole = DockerOptions(nofile=100, tmp_size="1m").settings("none", 8)
    for name, value, gone in (
        ("drop_capabilities", False, {"cap_drop"}),
        ("no_new_privileges", False, {"security_opt"}),
        ("private_ipc", False, {"ipc_mode"}),
        ("memory", "0", {"mem_limit", "memswap_limit"}),
        ("cpus", 0.0, {"nano_cpus"}),
        ("pids", 0, {"pids_limit"}),
        ("tmp_size", "0", {"tmpfs"}),
    ):
        given = {"nofile": 100, "tmp_size": "1m", name: value}
        assert whole.keys() - DockerOptions.from_extra(given).settings("none", 8).keys() == gone


def test_exceptions_of_an_instance_are_granted_and_told() -> None:
    options = DockerOptions(capabilities=("NET_RAW",)).granting(ASKED)
    network = options.network_of(options.grade_network)
    settings = options.settings(network, 8)
    assert (settings["mem_limit"], settings["memswap_limit"], settings["shm_size"]) == ("8g", "8g", "1g")
    assert settings["cap_add"][-2:] == ["NET_RAW", "SYS_PTRACE"]
    assert options.network_of(options.network) == "none"
    assert options.conditions(network, 1, ASKED) == {
        "profile": "hardened",
        "network": "bridge",
        "memory": "8g",
        "cpus": 1.0,
        "pids": 512,
        "user": "0",
        "exceptions": ASKED,
    }


def test_upstreams_settings_know_no_limits_and_grant_a_network_alone() -> None:
    options = DockerOptions(profile="official", memory="1g", user="1000").granting({**ASKED, "network": "none"})
    assert options.settings(options.network_of(options.grade_network), 8) == {
        "cap_add": ["SYS_ADMIN"],
        "network_mode": "none",
        "user": "0",
    }
    assert options.conditions("none", 8, ASKED) == {
        "profile": "official",
        "network": "none",
        "memory": None,
        "cpus": None,
        "pids": None,
        "user": "0",
        "exceptions": {"network": "bridge", "timeout_s": 3600.0},
    }


@pytest.mark.parametrize(("profile", "network"), [("hardened", "none"), ("official", "bridge")])
def test_network_is_the_profiles_own_unless_asked_for(profile: str, network: str) -> None:
    options = DockerOptions.from_extra({"profile": profile})
    assert options.network_of(options.grade_network) == network
    assert options.network_of("bridge") == "bridge"
